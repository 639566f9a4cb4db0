"""What is to happen at simulated instants, in their order: deliveries, late executions, other users' edits."""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from infra.logging import get_logger
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock

_LONGEST_NAP_SECONDS: Final = 0.25  # the clock under ours may be moved by a test without a word

Action = Callable[[], Awaitable[None]]
_log = get_logger()


class Timeline:
    """Actions run one by one while `running()` is entered; a move of the clock past many runs all of them in order."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Action, bool]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._changed = asyncio.Event()
        self._sleepers: set[asyncio.Event] = set()
        self._is_released = False
        clock.on_move(self._wake)

    def __len__(self) -> int:
        return len(self._due)

    def after(self, seconds: float, action: Action, *, aside: bool = False) -> None:
        """Run `action` that many simulated seconds from now; `aside`: the next ones do not wait for its end."""
        self._count += 1
        heapq.heappush(self._due, (self._now() + seconds, self._count, action, aside))
        self._changed.set()

    async def sleep(self, seconds: float) -> None:
        """Until that many simulated seconds have passed; a move of the clock wakes."""
        until = self._now() + seconds
        woken = asyncio.Event()
        self._sleepers.add(woken)
        try:
            while (rest := until - self._now()) > 0 and not self._is_released:
                woken.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), self._nap(rest))
        finally:
            self._sleepers.discard(woken)

    def release(self) -> None:
        """The server stops: nobody sleeps any longer."""
        self._is_released = True
        self._wake()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._is_released = False
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            for each in (task, *self._tasks):
                each.cancel()
            await asyncio.gather(task, *self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            await self._run_due()
            nap = self._nap(self._due[0][0] - self._now()) if self._due else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), nap)

    async def _run_due(self) -> None:
        while self._due and self._due[0][0] <= self._now():
            _, _, action, aside = heapq.heappop(self._due)
            if aside:
                task = asyncio.create_task(_guarded(action))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                await _guarded(action)

    def _wake(self) -> None:
        self._changed.set()
        for sleeper in self._sleepers:
            sleeper.set()

    def _nap(self, simulated_seconds: float) -> float:
        scale = self._clock.scale
        real = simulated_seconds / scale if scale else _LONGEST_NAP_SECONDS
        return min(max(real, 0.0), _LONGEST_NAP_SECONDS)

    def _now(self) -> float:
        return self._clock.now().timestamp()


async def _guarded(action: Action) -> None:
    """One failed action must not stop time for all others."""
    try:
        await action()
    except Exception:  # noqa: BLE001 - as above
        _log.exception("simulator.timeline.failed")
