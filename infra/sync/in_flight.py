"""One refresh at a time per (business, rail) in this process, whose readers share it. Across processes the lease decides."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

Key = tuple[UUID, str]  # business; rail, and what of it


@dataclass(frozen=True)
class Refreshed:
    """How a refresh ended that did not fail.

    `is_own` is false where it did not ask the rail: another process's was awaited, or had brought what it was for.
    """

    calls: int
    is_own: bool


@dataclass(frozen=True)
class Flight:
    """A refresh under way. `number` counts those of its key: one begun after a reader asked has a higher one than it saw."""

    task: asyncio.Task[Refreshed]
    number: int


class RefreshesInFlight:
    """The refreshes under way. A caller that stops waiting does not stop the refresh: the next reader finds it done."""

    def __init__(self) -> None:
        self._flights: dict[Key, Flight] = {}
        self._begun: defaultdict[Key, int] = defaultdict(int)

    def begun(self, key: Key) -> int:
        """The number of the latest refresh that was begun here."""
        return self._begun[key]

    def join(self, key: Key, start: Callable[[], Awaitable[Refreshed]]) -> tuple[Flight, bool]:
        """The running refresh of `key`, started if there is none; True when this call started it."""
        running = self._flights.get(key)
        # One that has ended waits for its turn to be taken away: who must have a newer one would ask for it again without end.
        if running is not None and not running.task.done():
            return running, False
        self._begun[key] += 1
        flight = Flight(asyncio.ensure_future(_run(start)), self._begun[key])
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._finish(key, flight))
        return flight, True

    async def close(self) -> None:
        """Stop what is under way; nothing of it is half stored."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, key: Key, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.task.cancelled():
            flight.task.exception()  # seen, so that a failure nobody waits for is not reported as lost; the refresh logged it


async def _run(start: Callable[[], Awaitable[Refreshed]]) -> Refreshed:
    return await start()
