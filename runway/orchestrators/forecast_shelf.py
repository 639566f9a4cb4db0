"""What this process has worked out lately, and what it is working out at this moment."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from infra.logging import get_logger
from runway.calculators.bridge import Bridge
from runway.calculators.flows import FlowRules
from runway.calculators.forecast import ForecastParts
from runway.calculators.groundwork import Groundwork
from runway.calculators.working_capital import WorkingCapital
from runway.orchestrators.kept_forecast import WorkedOut

_MOST_KEPT = 64  # a large company's is some ten megabytes
_MOST_LAID = 4  # and its books are some fifty: of whoever decides at the moment
_LAST_WRITES = timedelta(seconds=5)

log = get_logger()


@dataclass(frozen=True)
class Mark:
    """What a forecast was made of: the day, the formulas and what people decided; and the books."""

    decided: str
    books: str

    def __str__(self) -> str:
        return f"{self.decided}/{self.books}"


@dataclass(frozen=True)
class OnShelf:
    """`took`: to work it out; the most there is where it was read."""

    mark: Mark
    worked: WorkedOut
    took: timedelta


@dataclass(frozen=True)
class BooksMark:
    """What was laid of the books is good for these: as they stood, on the day, without some accounts and by these rules of flows."""

    books: str
    today: date
    uncounted: frozenset[str]
    flows: FlowRules


@dataclass(frozen=True)
class LaidBooks:
    """The books, read and worked through as far as no decision counts."""

    of: BooksMark
    ground: Groundwork
    capital: WorkingCapital

    def seen_at(self, now: datetime, *, synced_at: datetime | None) -> "LaidBooks":
        """The same books looked at later."""
        runway = replace(self.ground.books.runway, now=now, synced_at=synced_at)
        return replace(self, ground=replace(self.ground, books=replace(self.ground.books, runway=runway)))


class ForecastShelf:
    """The latest of each business, the least asked for going first; and one reckoning at a time of one mark."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, OnShelf] = OrderedDict()
        self._bridges: OrderedDict[UUID, tuple[ForecastParts, date, Bridge]] = OrderedDict()
        self._laid: OrderedDict[UUID, LaidBooks] = OrderedDict()
        self._under_way: dict[tuple[UUID, Mark], asyncio.Task[WorkedOut]] = {}
        self._latest: dict[UUID, asyncio.Task[None]] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._unkept: dict[UUID, Callable[[], Awaitable[None]]] = {}

    def find(self, business_id: UUID) -> OnShelf | None:
        found = self._kept.get(business_id)
        if found is not None:
            self._kept.move_to_end(business_id)
        return found

    def put(self, business_id: UUID, mark: Mark, worked: WorkedOut, *, took: timedelta) -> None:
        self._kept[business_id] = OnShelf(mark, worked, took)
        self._kept.move_to_end(business_id)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def find_laid(self, business_id: UUID, of: BooksMark) -> LaidBooks | None:
        held = self._laid.get(business_id)
        if held is None or held.of != of:
            return None
        self._laid.move_to_end(business_id)
        return held

    def put_laid(self, business_id: UUID, laid: LaidBooks) -> None:
        self._laid[business_id] = laid
        self._laid.move_to_end(business_id)
        while len(self._laid) > _MOST_LAID:
            self._laid.popitem(last=False)

    def find_bridge(self, business_id: UUID, parts: ForecastParts, since: date) -> Bridge | None:
        """Between the forecast of that day and the one of these very parts."""
        held = self._bridges.get(business_id)
        return held[2] if held is not None and held[0] is parts and held[1] == since else None

    def put_bridge(self, business_id: UUID, parts: ForecastParts, since: date, found: Bridge) -> None:
        self._bridges[business_id] = (parts, since, found)
        self._bridges.move_to_end(business_id)
        while len(self._bridges) > _MOST_KEPT:
            self._bridges.popitem(last=False)

    def forget(self, business_id: UUID) -> None:
        """As in a process that has just begun."""
        self._kept.pop(business_id, None)
        self._bridges.pop(business_id, None)
        self._laid.pop(business_id, None)
        self._unkept.pop(business_id, None)

    def join(self, business_id: UUID, mark: Mark, start: Callable[[], Awaitable[WorkedOut]]) -> asyncio.Task[WorkedOut]:
        """The reckoning of this mark, begun if there is none. Who stops waiting does not stop it."""
        key = (business_id, mark)
        running = self._under_way.get(key)
        if running is None:
            running = self._under_way[key] = asyncio.ensure_future(start())
            running.add_done_callback(lambda done: self._finish(key, done))
        return running

    def write(self, business_id: UUID, keep: Callable[[], Awaitable[None]]) -> None:
        """Keep what was worked out: whoever asked for it has it already. One at a time of a business, and of those that wait the latest."""
        before = self._latest.get(business_id)
        task = self._latest[business_id] = asyncio.ensure_future(self._write(business_id, before, keep))
        self._writing.add(task)
        task.add_done_callback(lambda done: self._written(business_id, done))

    async def written(self, business_id: UUID) -> None:
        """Once what was worked out of this business so far is kept; what could not be kept before is tried again.

        Raises:
            Exception: what the keeping failed with.
        """
        if business_id in self._unkept and business_id not in self._latest:
            self.write(business_id, self._unkept[business_id])
        if (task := self._latest.get(business_id)) is not None:
            await asyncio.wait({task})
            task.result()

    async def settled(self) -> None:
        """Once nothing is under way that nobody may be waiting for any more."""
        while tasks := [*self._under_way.values(), *self._writing]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Stop what is under way, which nobody keeps; what is being kept has a few seconds."""
        reckoning = list(self._under_way.values())
        for task in reckoning:
            task.cancel()
        await asyncio.gather(*reckoning, return_exceptions=True)
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=_LAST_WRITES.total_seconds())
            for write in late:
                write.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _finish(self, key: tuple[UUID, Mark], task: asyncio.Task[WorkedOut]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # seen: a failure nobody waits for any more is the next reader's to meet

    def _written(self, business_id: UUID, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if self._latest.get(business_id) is task:
            del self._latest[business_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            # It is worked out all the same; the next process works it out again.
            log.error("forecast.keep.failed", business_id=str(business_id), exc_info=error)

    async def _write(
        self, business_id: UUID, before: asyncio.Task[None] | None, keep: Callable[[], Awaitable[None]]
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        if self._latest.get(business_id) is asyncio.current_task():
            self._unkept[business_id] = keep
            await keep()
            self._unkept.pop(business_id, None)
