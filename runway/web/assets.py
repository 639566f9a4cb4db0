"""Stylesheet, scripts and fonts: read once, pressed once, named by what is in them, so that browsers may keep them for ever."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

STATIC = Path(__file__).with_name("static")
_KINDS = frozenset({".css", ".js", ".svg", ".woff2"})
_FOR_EVER = "public, max-age=31536000, immutable"
_PRESSED_BEFORE = frozenset({".woff2"})
_VENDOR = "vendor/"  # these carry their own version in their path

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asset:
    body: bytes
    pressed: bytes | None
    version: str
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """By path below `static/`."""
    files = (path for path in sorted(STATIC.rglob("*")) if path.suffix in _KINDS)
    return {path.relative_to(STATIC).as_posix(): _read(path) for path in files}


def asset(name: str) -> str:
    """The address of a file of `static/`; another one after each change of it."""
    return f"/static/{assets()[name].version}/{name}"


@router.get("/static/{version}/{name:path}")
async def give_asset(request: Request, version: str, name: str) -> Response:
    """A page of an older release that asks for its version gets the present one, which no cache keeps under that name."""
    found = assets().get(name)
    if found is None:
        raise HTTPException(404)
    is_that_one = version == found.version or name.startswith(_VENDOR)
    headers = {"Cache-Control": _FOR_EVER if is_that_one else "no-cache", "Vary": "Accept-Encoding"}
    if found.pressed is not None and takes_gzip(request):
        return Response(found.pressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.body, media_type=found.media_type, headers=headers)


def takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    pressed = None if path.suffix in _PRESSED_BEFORE else gzip.compress(body, 9, mtime=0)
    media_type = guess_type(path.name)[0] or "application/octet-stream"
    return Asset(body, pressed, sha256(body).hexdigest()[:12], media_type)
