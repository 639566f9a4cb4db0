"""The TCP connection under a request, as an ASGI extension: without it no server could break an answer honestly."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION: Final = "oodaloo.transport"
_LINGER_NOT: Final = struct.pack("ii", 1, 0)  # closing sends RST and drops what is unsent


class BreakableProtocol(H11Protocol):
    """uvicorn's own protocol, which also tells each request its transport."""

    def handle_events(self) -> None:
        super().handle_events()
        scope: Any = getattr(self, "scope", None)
        if scope is not None and scope["type"] == "http":  # the request's task has not started yet
            scope.setdefault("extensions", {})[_EXTENSION] = self.transport


def close(scope: Any) -> None:
    """End the connection after what was written has gone out; under another server the answer just stops."""
    transport: asyncio.Transport | None = scope.get("extensions", {}).get(_EXTENSION)
    if transport is not None:
        transport.close()


def reset(scope: Any) -> None:
    transport: asyncio.Transport | None = scope.get("extensions", {}).get(_EXTENSION)
    if transport is None:
        return
    raw: socket.socket | None = transport.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):  # the client has closed it already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()
