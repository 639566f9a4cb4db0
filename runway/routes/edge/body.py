"""A request's body, read whole before the application starts: never too large, too slow or nested too deep."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from runway.routes.refusals import BodyTooLarge, BodyTooSlow, NestedTooDeep

# An open string runs to the end, so that no body makes the search start again at each quote.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_BRACES_AS_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_JSON = ("application/x-www-form-urlencoded", "multipart/")


class CallerLeft(Exception):
    """The connection ended before the body was here: nobody waits for an answer."""


@dataclass(frozen=True)
class BodyRules:
    most_bytes: int
    most_levels: int
    within: timedelta

    async def read(self, headers: Headers, receive: Receive) -> Receive:
        """What the application receives from: the whole body, then whatever comes.

        Raises:
            BodyTooLarge: by its own word before a byte is read, or by count.
            BodyTooSlow, NestedTooDeep, CallerLeft: as they say.
        """
        told = headers.get("content-length")
        if told is not None and told.isascii() and told.isdigit() and int(told) > self.most_bytes:
            raise BodyTooLarge(self.most_bytes)
        if told is None and "transfer-encoding" not in headers:
            # HTTP/1.1 has no body without one of them; what a newer version sends is counted as it comes.
            first = await receive()
            body = first.get("body", b"") if not first.get("more_body") else await self._in_time(first, receive)
            _must_be_here(first)
        else:
            body = await self._in_time(None, receive)
        if body:
            self._check(body, headers)
        return _replaying(body, receive)

    async def _in_time(self, first: Message | None, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._count(first, receive)
        except TimeoutError:
            raise BodyTooSlow(self.within.total_seconds()) from None

    async def _count(self, message: Message | None, receive: Receive) -> bytes:
        chunks, size = [], 0
        while True:
            message = message or await receive()
            _must_be_here(message)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.most_bytes:
                raise BodyTooLarge(self.most_bytes)
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)
            message = None

    def _check(self, body: bytes, headers: Headers) -> None:
        if len(body) > self.most_bytes:
            raise BodyTooLarge(self.most_bytes)
        if not headers.get("content-type", "").lower().startswith(_NOT_JSON) and is_deeper(body, self.most_levels):
            raise NestedTooDeep(self.most_levels)


def is_deeper(body: bytes, most_levels: int) -> bool:
    """Whether JSON nests deeper than that; each round takes the innermost level away, so a megabyte takes milliseconds."""
    if body.count(b"[") + body.count(b"{") <= most_levels:
        return False
    left = _STRING.sub(b"", body).translate(_BRACES_AS_BRACKETS, _ALL_BUT_BRACKETS)
    for _ in range(most_levels):
        fewer = left.replace(b"[]", b"")
        if len(fewer) == len(left):
            # What no round takes away is not closed: the parser says so, unless it is too deep even for that.
            return len(left) > most_levels
        left = fewer
    return bool(left)


def _must_be_here(message: Message) -> None:
    if message["type"] == "http.disconnect":
        raise CallerLeft


def _replaying(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
