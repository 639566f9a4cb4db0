"""The client of Redis for code that may be cancelled."""

import asyncio
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import TimeoutError as RedisTimeoutError

_ANSWERS_WITHIN_SECONDS = 1.0


class _HeedsCancellation:
    """The library writes under `asyncio.wait_for`, which loses a cancellation that comes as the write ends (Python 3.11,
    bpo-37658): whoever was cancelled would go on, and a limiter's place stay taken. A time limit loses none.
    """

    async def send_packed_command(self: Any, *args: Any, **kwargs: Any) -> None:
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]  # the connection's
        except TimeoutError:
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = limit


class _Tcp(_HeedsCancellation, Connection):  # type: ignore[misc]  # an attribute that the method sets for a moment
    pass


class _Tls(_HeedsCancellation, SSLConnection):  # type: ignore[misc]  # the same
    pass


class _Unix(_HeedsCancellation, UnixDomainSocketConnection):  # type: ignore[misc]  # the same
    pass


_HEEDING = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def open_redis(url: str) -> Redis:
    """A client with a pool of its own, closed with it. A command without an answer fails after a second."""
    pool = ConnectionPool.from_url(
        url, socket_timeout=_ANSWERS_WITHIN_SECONDS, socket_connect_timeout=_ANSWERS_WITHIN_SECONDS
    )
    pool.connection_class = _HEEDING[pool.connection_class]
    return Redis.from_pool(pool)
