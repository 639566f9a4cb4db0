"""The last thing before the network: a call to a host that the settings do not name never leaves, and no answer is endless."""

from collections.abc import AsyncIterator
from typing import cast

import httpx

from infra.logging import get_logger
from infra.qbo.hosts import origin_of

log = get_logger()


class HostNotAllowed(httpx.UnsupportedProtocol):
    """A kind of httpx.HTTPError: to the caller Intuit cannot be reached. Nothing was sent."""


class AnswerTooLarge(httpx.DecodingError):
    """As above, of an answer that did not end where it should."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends to `origins` only. `most_bytes` counts what the wire brings; readers count what it unpacks to."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, origins: frozenset[str], most_bytes: int) -> None:
        self._inner = inner
        self._origins = origins
        self._most_bytes = most_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = origin_of(str(request.url))
        if origin not in self._origins:
            log.error("qbo.call.refused", origin=origin)
            raise HostNotAllowed(f"Calls to {origin or 'such an address'} are not allowed.", request=request)
        response = await self._inner.handle_async_request(request)
        response.stream = _Capped(cast("httpx.AsyncByteStream", response.stream), most_bytes=self._most_bytes)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Capped(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, *, most_bytes: int) -> None:
        self._inner = inner
        self._most_bytes = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > self._most_bytes:
                raise AnswerTooLarge("The answer is larger than we read.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
