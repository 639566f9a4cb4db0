"""One look for all who ask for the same at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class SharedLooks(Generic[R]):
    """While a look is under way, whoever asks for the same waits for the next one, and shares it with all who come until it begins.

    So every answer is of a look that began after it was asked for, and no more than one is under way for each key.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[None]] = {}
        self._next: dict[Hashable, asyncio.Task[R]] = {}

    async def look(self, key: Hashable, look: Callable[[], Awaitable[R]]) -> R:
        """What `look` gives: this one, or that of the first who waits for the same."""
        if key not in self._under_way and key not in self._next:
            return await self._now(key, look)
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._after(self._under_way[key], key, look))
            self._next[key].add_done_callback(_note_seen)
        return await asyncio.shield(self._next[key])

    async def _now(self, key: Hashable, look: Callable[[], Awaitable[R]]) -> R:
        ended = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            return await look()
        finally:
            del self._under_way[key]
            if not ended.done():  # who waited for it may have been cancelled, and it with them
                ended.set_result(None)

    async def _after(self, ended: asyncio.Future[None], key: Hashable, look: Callable[[], Awaitable[R]]) -> R:
        await ended
        del self._next[key]  # from here on who comes has come too late for this one
        return await self._now(key, look)


def _note_seen(task: "asyncio.Task[Any]") -> None:
    """All who waited may have left: then nobody else sees how it ended."""
    if not task.cancelled():
        task.exception()
