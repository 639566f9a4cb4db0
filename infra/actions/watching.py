"""Hearing of changes as they are committed: one listening connection a process, however many wait.

A bell that is missed costs those who wait their patience, never the truth: what counts is read from the table.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from infra.actions.edges import CHANNEL
from infra.logging import get_logger

log = get_logger()

_RECONNECT_SECONDS = 1.0


class Changes:
    """Who waits for which action. The first who waits opens the connection; `aclose` ends it."""

    def __init__(self, database_url: str) -> None:
        """`database_url` as `create_engine` takes it: the application's role."""
        self._url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._waiting: dict[UUID, dict[asyncio.Event, frozenset[str]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()

    async def listen(self, *, up_to: timedelta = timedelta(seconds=1)) -> bool:
        """Begin to hear, if nobody has yet; whether bells are heard now. What was rung before that is not heard."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._hear())
        with suppress(TimeoutError):
            async with asyncio.timeout(up_to.total_seconds()):
                await self._is_listening.wait()
        return self._is_listening.is_set()

    @contextmanager
    def of(self, intent_id: UUID, *, to: frozenset[str] = frozenset()) -> Iterator[asyncio.Event]:
        """An event that is set at each change of the action, or at each to one of these states; whoever reads clears it before."""
        changed = asyncio.Event()
        waiting = self._waiting.setdefault(intent_id, {})
        waiting[changed] = to
        try:
            yield changed
        finally:
            del waiting[changed]
            if not waiting:
                self._waiting.pop(intent_id, None)

    async def wait(self, changed: asyncio.Event, *, seconds: float) -> bool:
        """Until the next change, or as long as that; whether there was one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await changed.wait()
        return changed.is_set()

    async def aclose(self) -> None:
        while self._listener is not None and not self._listener.done():
            self._listener.cancel()
            await asyncio.wait([self._listener], timeout=0.2)

    async def _hear(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._is_listening.set()
                    self._ring_all()
                    async for bell in connection.notifies():
                        self._ring(bell.payload)
            except psycopg.Error as error:
                log.warning("actions.watching.lost", error=type(error).__name__)
            self._is_listening.clear()
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _ring(self, payload: str) -> None:
        _, intent_id, state = payload.split(" ")
        for changed, wanted in self._waiting.get(UUID(intent_id), {}).items():
            if not wanted or state in wanted:
                changed.set()

    def _ring_all(self) -> None:
        """What happened while nothing was heard is missed, so everybody looks for themselves."""
        for waiting in self._waiting.values():
            for changed in waiting:
                changed.set()
