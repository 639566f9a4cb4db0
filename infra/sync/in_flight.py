"""One refresh at a time per (business, rail) in this process. Across processes the lease in `sync_state` will decide."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from infra.config import Rail

Key = tuple[UUID, Rail]


class RefreshesInFlight:
    """The refreshes under way. A caller that stops waiting does not stop the refresh: the next reader finds it done."""

    def __init__(self) -> None:
        self._tasks: dict[Key, asyncio.Task[int]] = {}

    def join(self, key: Key, start: Callable[[], Awaitable[int]]) -> tuple[asyncio.Task[int], bool]:
        """The running refresh of `key`, started if there is none; True when this call started it."""
        running = self._tasks.get(key)
        if running is not None:
            return running, False
        task = asyncio.ensure_future(_run(start))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._finish(key, done))
        return task, True

    async def close(self) -> None:
        """Stop what is under way; nothing of it is half stored."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, key: Key, task: asyncio.Task[int]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # seen, so that a failure nobody waits for is not reported as lost; the refresh logged it


async def _run(start: Callable[[], Awaitable[int]]) -> int:
    return await start()
