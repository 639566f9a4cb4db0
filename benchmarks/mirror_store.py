"""How fast `mirror_store` takes new, changed and unchanged objects, beside plain COPY of the same rows.

What is timed is a whole unit of work a page, as the application's role under row-level security: canonical JSON, hash, wire
validation, `fill`, the statements with log, version key and triggers, the durable commit. Parsing QBO's answer is not in it.
"""

import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

from rich.progress import Progress

from benchmarks.bills import PAGE, Page, make_pages
from benchmarks.plain_copy import BareTable
from benchmarks.report import Measure, at_least, reported
from benchmarks.rig import Rig, one_core, open_rig, processor_seconds
from domains.ap.mirrors import BILLS_FROM_QBO
from infra.clock import SystemClock
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.qbo.wire import record_of
from infra.sync import mirror_store
from infra.sync.mirror_store import StoreOutcome
from infra.sync.shapes import LogSource
from infra.sync.spec import Delivery

PAGES = 30
ROUNDS = 5
_BARS = {"new": 8_400, "changed": 8_400, "unchanged": 30_000}
_FETCHED_LATER = {"new": 0, "unchanged": 1, "changed": 2}  # minutes


@dataclass
class _Spent:
    """Seconds for all pages of one phase: by the clock, and of processor time on each side of the connection."""

    clock: float = 0.0
    client: float = 0.0
    server: float = 0.0


@dataclass
class _Round:
    copy_seconds: float = 0.0
    phases: dict[str, _Spent] = field(default_factory=lambda: {phase: _Spent() for phase in _BARS})


async def run(*, pages: int = PAGES, rounds: int = ROUNDS) -> list[Measure]:
    """Rounds on one core and rounds on all take turns: what disturbs the machine disturbs both."""
    made = make_pages(pages)
    gc.freeze()  # a first sync holds two pages, not all of them: their upkeep is the benchmark's, not the store's
    pinned: list[_Round] = []
    free: list[_Round] = []
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("mirror_store", total=2 * rounds * pages * len(_BARS))
        async with _open_bench(rig, page_done=lambda: progress.advance(task)) as bench:
            for _ in range(rounds):
                with one_core(rig.database_processes()) as is_pinned:
                    pinned.append(await bench.round(made))
                free.append(await bench.round(made))
    objects = pages * PAGE
    where = "one core" if is_pinned else "not pinned (this system cannot)"
    return [*_measures(pinned, objects, where=where, bars=_BARS), *_measures(free, objects, where="all cores")]


@asynccontextmanager
async def _open_bench(rig: Rig, *, page_done: Callable[[], None]) -> AsyncIterator["_Bench"]:
    engine = create_engine(rig.addresses.database_app_url, pool_size=1)
    bare = BareTable(rig.addresses.database_owner_url, BILLS_FROM_QBO)
    try:
        yield _Bench(rig, uow=unit_of_work_factory(engine), bare=bare, page_done=page_done)
    finally:
        bare.close()
        await engine.dispose()


class _Bench:
    def __init__(self, rig: Rig, *, uow: UnitOfWorkFactory, bare: BareTable, page_done: Callable[[], None]) -> None:
        self._rig = rig
        self._uow = uow
        self._bare = bare
        self._page_done = page_done

    async def round(self, pages: Sequence[Page]) -> _Round:
        """A new business's bills: stored, stored again, stored with changes."""
        business_id, measured = new_id(), _Round()
        self._bare.empty()
        for page in pages:
            measured.copy_seconds += self._bare.copy(delivery_of(business_id, page.objects(), phase="new"))
            await self._store(business_id, page.objects(), phase="new", measured=measured)
        for page in pages:
            await self._store(business_id, page.objects(), phase="unchanged", measured=measured)
        for page in pages:
            await self._store(business_id, page.changed_objects(), phase="changed", measured=measured)
        return measured

    async def _store(self, business_id: UUID, objects: list[dict[str, Any]], *, phase: str, measured: _Round) -> None:
        delivery = delivery_of(business_id, objects, phase=phase)
        with self._measured(measured.phases[phase]):
            async with self._uow([business_id]) as uow:
                outcome = await mirror_store.store(uow.session, BILLS_FROM_QBO, delivery)
        assert outcome == _EXPECTED[phase], outcome
        self._page_done()

    @contextmanager
    def _measured(self, spent: _Spent) -> Iterator[None]:
        server, client, clock = self._server_seconds(), process_time(), perf_counter()
        yield
        spent.clock += perf_counter() - clock
        spent.client += process_time() - client
        spent.server += self._server_seconds() - server

    def _server_seconds(self) -> float:
        return processor_seconds(self._rig.database_processes())


_EXPECTED = {
    "new": StoreOutcome(created=PAGE),
    "unchanged": StoreOutcome(unchanged=PAGE),
    "changed": StoreOutcome(updated=PAGE),
}


def delivery_of(business_id: UUID, objects: list[dict[str, Any]], *, phase: str) -> Delivery:
    return Delivery(
        business_id=business_id,
        records=[record_of(payload, "Bill") for payload in objects],
        fetched_at=SystemClock().now() + timedelta(minutes=_FETCHED_LATER[phase]),
        source=LogSource.QBO,
        actor="benchmark",
        request_id="benchmark",
    )


def _measures(
    rounds: Sequence[_Round], objects: int, *, where: str, bars: dict[str, int] | None = None
) -> list[Measure]:
    """Medians over the rounds; the baseline is COPY in the same rounds."""
    copied = median(objects / one.copy_seconds for one in rounds)
    measures = []
    for phase in _BARS:
        rate = median(objects / one.phases[phase].clock for one in rounds)
        name = f"mirror_store, {phase}, {where}"
        if bars:
            measures.append(at_least(name, rate, "objects/s", bar=bars[phase], baseline=copied))
        else:
            measures.append(reported(name, rate, "objects/s", baseline=copied))
    if bars:
        for phase in _BARS:
            for side in ("client", "server"):
                micros = median(1e6 * getattr(one.phases[phase], side) / objects for one in rounds)
                measures.append(reported(f"processor time, {phase}, {side}", micros, "µs/object"))
    return measures
