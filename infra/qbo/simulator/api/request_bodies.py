"""A request's body as it came over the wire: unpacked where a client has packed it."""

import zlib
from typing import Final

from starlette.requests import Request

from infra.errors import OodalooError
from infra.qbo.simulator import faults

_GZIP: Final = zlib.MAX_WBITS | 16
_WINDOWS: Final = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


class BodyTooLarge(OodalooError):
    """Longer than the service takes, packed or unpacked."""


async def read_payload(request: Request, *, largest: int) -> bytes:
    """Raises:
    BodyTooLarge: more than `largest` bytes.
    ServiceFault: 2010 for what cannot be unpacked. Intuit's own Java client packs its requests.
    """
    payload = await request.body()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        payload = _unpacked(payload, coding, largest=largest)
    if len(payload) > largest:
        raise BodyTooLarge(f"{len(payload)} bytes")
    return payload


def _unpacked(payload: bytes, coding: str, *, largest: int) -> bytes:
    """Deflate comes with and without zlib's frame."""
    for window in _WINDOWS.get(coding, ()):
        unpacking = zlib.decompressobj(window)
        try:
            unpacked = unpacking.decompress(payload, largest + 1)
        except zlib.error:
            continue
        if unpacking.eof or len(unpacked) > largest:
            return unpacked
    raise faults.unsupported_property("body", f"cannot be read as {coding}")
