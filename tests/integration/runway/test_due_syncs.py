"""What is due is synced side by side, and one business's trouble is its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from infra.clock import SystemClock
from infra.config import Rail, SyncSettings
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.roles import connect
from infra.errors import RailUnavailable
from infra.ids import new_id
from infra.sync import timing as timing_module
from infra.sync.freshness import SyncStrategy
from infra.sync.timing import SyncStanding, SyncTimingManager
from runway.orchestrators.due_syncs import DueSyncs
from runway.orchestrators.housekeeping import Housekeeping
from tests.rig import Database

CLOCK = SystemClock()
LONG_AGO = timedelta(hours=2)


@dataclass
class Sync:
    """A sync service that does as the test says, and tells the table that it did."""

    business_id: UUID
    uow: UnitOfWorkFactory
    behave: Callable[[], Awaitable[None]]
    begun: list[UUID] = field(default_factory=list)

    async def should_sync(self, strategy: SyncStrategy) -> bool:
        return strategy is SyncStrategy.SCHEDULED

    async def bring_up_to_date(self, _strategy: SyncStrategy) -> None:
        self.begun.append(self.business_id)
        await self.behave()
        async with self.uow([self.business_id]) as unit:
            await unit.session.execute(text("UPDATE sync_state SET last_synced_at = now()"))


@pytest.fixture
async def uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    engine = create_engine(database.app_url)
    yield unit_of_work_factory(engine)
    await engine.dispose()


@pytest.fixture
async def town(database: Database, uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory) -> AsyncIterator[list[UUID]]:
    """Twelve connected businesses that are long due, and no other that earlier tests left; afterwards nothing is."""
    with connect(database.superuser_url) as root:
        root.execute("UPDATE connection SET state = 'disconnected' WHERE state <> 'disconnected'")
    made = [new_id() for _ in range(12)]
    now = CLOCK.now()
    async with access_uow([]) as unit:
        insert = text("INSERT INTO business (id, name, created_at) VALUES (:id, 'due', :now)")
        await unit.session.execute(insert, [{"id": one, "now": now} for one in made])
    async with uow(made) as unit:
        for one in made:
            values = {"id": one, "connection": new_id(), "realm": str(new_id()), "now": now, "ago": now - LONG_AGO}
            await unit.session.execute(
                text(
                    "INSERT INTO connection (business_id, id, rail, external_account_id, state, connected_at, state_changed_at) "
                    "VALUES (:id, :connection, 'qbo', :realm, 'active', :now, :now)"
                ),
                values,
            )
            await unit.session.execute(
                text(
                    "INSERT INTO sync_state (business_id, rail, entity, synced_through, last_synced_at) "
                    "VALUES (:id, 'qbo', 'Bill', :ago, :ago)"
                ),
                values,
            )
    yield made
    async with uow(made) as unit:
        await unit.session.execute(text("UPDATE connection SET state = 'disconnected'"))


def due_syncs(
    uow: UnitOfWorkFactory,
    jobs_uow: UnitOfWorkFactory,
    behave: Callable[[UUID], Awaitable[None]],
    *,
    begun: list[UUID],
    at_once: int = 4,
    each: timedelta = timedelta(seconds=30),
    a_slice: timedelta = timedelta(seconds=20),
) -> DueSyncs:
    async def sync_of(business_id: UUID) -> Sync:
        return Sync(business_id, uow, lambda: behave(business_id), begun)

    return DueSyncs(
        timing=SyncTimingManager(uow, settings=SyncSettings()),
        jobs_uow=jobs_uow,
        sync_of=sync_of,  # type: ignore[arg-type]  # it has the two methods that are called
        clock=CLOCK,
        at_once=at_once,
        each=each,
        a_slice=a_slice,
    )


async def quickly(_business_id: UUID) -> None:
    await asyncio.sleep(0)


async def test_each_that_is_due_is_synced_once(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    begun: list[UUID] = []
    assert not await due_syncs(uow, jobs_uow, quickly, begun=begun).run()
    assert sorted(begun) == sorted(town)
    assert not await due_syncs(uow, jobs_uow, quickly, begun=begun).run()
    assert len(begun) == len(town)


class SlowToSay(SyncTimingManager):
    """One that takes a while to say who is due, as of thousands, and tells how often it was asked."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        super().__init__(uow, settings=SyncSettings())
        self.asked: list[float] = []

    async def list_due(self, session: AsyncSession, rail: Rail, *, now: datetime) -> list[SyncStanding]:
        self.asked.append(time.monotonic())
        await asyncio.sleep(0.3)
        return await super().list_due(session, rail, now=now)


@pytest.mark.usefixtures("town")
async def test_who_is_due_is_asked_seldom_where_that_takes_long(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory
) -> None:
    """A look of 0.3 s and the next one's beginning lie three seconds apart; all are at work for ten."""

    async def slowly(_business_id: UUID) -> None:
        await asyncio.sleep(10)

    due, timing = due_syncs(uow, jobs_uow, slowly, begun=[], at_once=12), SlowToSay(uow)
    due._timing = timing  # noqa: SLF001 - in its place
    await due.run()
    pauses = [after - before for before, after in pairwise(timing.asked)]
    assert pauses
    assert min(pauses) > 3


async def test_who_is_due_is_one_look_at_each_table(jobs_uow: UnitOfWorkFactory) -> None:
    """A sub-query for each business would cost thousands of businesses three times as much."""
    async with jobs_uow([]) as unit:
        explain = text(f"EXPLAIN {timing_module._OF_ALL}")  # noqa: SLF001 - the statement itself
        plan = [row[0] for row in await unit.session.execute(explain, {"rail": "qbo"})]
    scans = [line for line in plan if " on sync_state" in line]
    assert len(scans) == 1, plan
    assert not [line for line in plan if "SubPlan" in line]


@pytest.mark.usefixtures("town")
async def test_no_more_run_at_once_than_may(uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory) -> None:
    running, most = set[UUID](), 0

    async def watched(business_id: UUID) -> None:
        nonlocal most
        running.add(business_id)
        most = max(most, len(running))
        await asyncio.sleep(0.01)
        running.discard(business_id)

    await due_syncs(uow, jobs_uow, watched, begun=[], at_once=3).run()
    assert most == 3


async def test_one_that_hangs_fails_or_has_a_bug_delays_no_other(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    """As long as the bad one hangs, the others are synced, all of them."""
    hanging, failing, buggy, *good = town
    done: set[UUID] = set()
    all_done = asyncio.Event()

    async def behave(business_id: UUID) -> None:
        if business_id == hanging:
            await asyncio.Event().wait()
        if business_id == failing:
            raise RailUnavailable("QuickBooks did not answer.")
        if business_id == buggy:
            raise ZeroDivisionError
        done.add(business_id)
        if done >= set(good):
            all_done.set()

    begun: list[UUID] = []
    work = due_syncs(uow, jobs_uow, behave, begun=begun, at_once=2, each=timedelta(seconds=2))
    running = asyncio.create_task(work.run())
    async with asyncio.timeout(60):
        await all_done.wait()
        assert not await running
    assert done == set(good)
    assert len(begun) == len(town), "none is tried twice in one run"


async def test_those_in_trouble_come_last_and_take_half_the_places(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    troubled, good = set(town[:6]), set(town[6:])
    async with uow(town) as unit:
        for one in troubled:
            await unit.session.execute(
                text(
                    "INSERT INTO refresh_lease (business_id, rail, fence, holder, strategy, began_at, leased_until, finished_at, failures) "
                    "VALUES (:id, 'qbo', 1, 'x', 'scheduled', now() - interval '1 day', now(), now(), 3)"
                ),
                {"id": one},
            )
    begun: list[UUID] = []
    running, most = set[UUID](), 0

    async def watched(business_id: UUID) -> None:
        nonlocal most
        running.add(business_id)
        most = max(most, len(running & troubled))
        await asyncio.sleep(0.02)
        running.discard(business_id)

    await due_syncs(uow, jobs_uow, watched, begun=begun, at_once=4).run()
    assert set(begun[:4]) <= good
    assert sorted(begun) == sorted(town)
    assert most <= 2


async def test_what_a_slice_has_no_time_for_is_left_for_the_next(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    begun: list[UUID] = []
    no_time = due_syncs(uow, jobs_uow, quickly, begun=begun, a_slice=timedelta(0))
    assert await no_time.run()
    assert begun == []
    assert not await due_syncs(uow, jobs_uow, quickly, begun=begun).run()
    assert sorted(begun) == sorted(town)


async def test_a_first_reading_that_nobody_does_is_asked_for(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    lost, *_ = town
    async with uow([lost]) as unit:
        await unit.session.execute(text("UPDATE sync_state SET synced_through = NULL"))
        await unit.session.execute(text("UPDATE connection SET state_changed_at = now() - interval '1 hour'"))
    work = due_syncs(uow, jobs_uow, quickly, begun=[])
    assert await work.ask_for_lost_backfills() >= 1
    async with jobs_uow([]) as unit:
        asked = text("SELECT count(*) FROM outbox WHERE business_id = :id AND job = 'qbo.backfill'")
        assert (await unit.session.execute(asked, {"id": lost})).scalar_one() == 1
    await work.ask_for_lost_backfills()
    async with jobs_uow([]) as unit:
        assert (await unit.session.execute(asked, {"id": lost})).scalar_one() == 1
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE business_id = :id"), {"id": lost})


async def test_who_uses_a_business_is_noted_once_a_minute(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    one, other, *_ = town
    timing, now = SyncTimingManager(uow), CLOCK.now()

    async def noted() -> dict[UUID, object]:
        async with jobs_uow([]) as unit:
            rows = await unit.session.execute(text("SELECT business_id, last_active_at FROM business_activity"))
            return {business_id: at for business_id, at in rows if business_id in town}

    for second in range(59):
        timing.note_activity(one, now=now + timedelta(seconds=second))
    timing.note_activity(other, now=now)
    await timing.flush()
    assert await noted() == {one: now, other: now}
    SyncTimingManager(uow).note_activity(one, now=now + timedelta(seconds=30))  # another process
    await asyncio.sleep(0.05)
    timing.note_activity(one, now=now + timedelta(seconds=61))
    await timing.flush()
    assert (await noted())[one] == now + timedelta(seconds=61)


async def test_rows_that_have_done_their_work_go(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, town: list[UUID]
) -> None:
    one, *_ = town
    async with uow([one]) as unit:
        await unit.session.execute(
            text(
                "INSERT INTO sync_run (business_id, id, rail, kind, state, actor, started_at) "
                "SELECT :id, uuidv7(), 'qbo', 'incremental', 'done', 'x', now() - n * interval '1 day' FROM generate_series(1, 260) n"
            ),
            {"id": one},
        )
    async with jobs_uow([]) as unit:
        for finished, dead in ((None, None), (8, None), (6, None), (None, 90)):
            await unit.session.execute(
                text(
                    "INSERT INTO outbox (business_id, queue, job, arguments, finished_at, dead_at) VALUES "
                    "(:id, 'none', 'old', '[]', now() - cast(:finished AS int) * interval '1 day', now() - cast(:dead AS int) * interval '1 day')"
                ),
                {"id": one, "finished": finished, "dead": dead},
            )
    gone = await Housekeeping(uow=uow, jobs_uow=jobs_uow, access_uow=access_uow, clock=CLOCK).tidy(batch=7)
    assert gone["sync_run"] >= 60
    async with jobs_uow([]) as unit:
        left = text("SELECT count(*) FROM sync_run WHERE business_id = :id")
        assert (await unit.session.execute(left, {"id": one})).scalar_one() == 200
        jobs = text("SELECT count(*) FROM outbox WHERE business_id = :id AND job = 'old'")
        assert (await unit.session.execute(jobs, {"id": one})).scalar_one() == 3
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE job = 'old'"))
