"""Counting calls, and what a month's come to: on a real database, at instants of the test's choosing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete

from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.sync.call_budget import CallBudget, Yielding
from infra.sync.call_counts import CallTally, RailCallCount, counted_as
from tests.rig import Database

NOON = datetime(2031, 6, 11, 12, tzinfo=UTC)  # ten and a half days of June are over


class ToldClock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    engine = create_engine(database.app_url, pool_size=3)
    yield unit_of_work_factory(engine)
    await engine.dispose()


@pytest.fixture
async def clock() -> ToldClock:
    return ToldClock()


@pytest.fixture
async def tally(uow: UnitOfWorkFactory, clock: ToldClock, database: Database) -> CallTally:
    engine = create_engine(database.superuser_url, pool_size=1)
    async with unit_of_work_factory(engine)([]) as unit:
        await unit.session.execute(delete(RailCallCount))
    await engine.dispose()
    return CallTally(uow, clock=clock)


def make(
    tally: CallTally, business_id: UUID, calls: int, *, feature: str = "scheduled", is_metered: bool = True
) -> None:
    count = tally.counter(business_id, Rail.QBO, otherwise=feature)
    for _ in range(calls):
        count(is_metered)


def budget_of(
    uow: UnitOfWorkFactory,
    jobs_uow: UnitOfWorkFactory,
    clock: ToldClock,
    *,
    allowance: int,
) -> CallBudget:
    return CallBudget(uow=uow, jobs_uow=jobs_uow, rail=Rail.QBO, allowance=allowance, clock=clock)


async def test_calls_add_up_by_day_feature_and_meter_over_processes(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, clock: ToldClock, tally: CallTally
) -> None:
    here, other, mine = CallTally(uow, clock=clock), new_id(), new_id()
    make(here, mine, 3)
    make(tally, mine, 4)
    make(tally, other, 50)
    make(tally, mine, 2, feature="payments", is_metered=False)
    with counted_as("live"):
        make(tally, mine, 1)
    await here.flush()
    await tally.flush()
    await tally.flush()
    use, days = await budget_of(uow, jobs_uow, clock, allowance=1000).of_business(mine)
    assert [(one.feature, one.is_metered, one.calls) for one in days] == [
        ("live", True, 1),
        ("payments", False, 2),
        ("scheduled", True, 7),
    ]
    assert use.used == 8


async def test_the_month_goes_on_as_the_last_days_went_and_first_readings_do_not(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, clock: ToldClock, tally: CallTally
) -> None:
    business_id = new_id()
    make(tally, business_id, 500, feature="backfill")
    for days_ago in range(7):
        clock.at = NOON - timedelta(days=days_ago)
        make(tally, business_id, 13)
    clock.at = NOON - timedelta(days=30)
    make(tally, business_id, 4000)
    clock.at = NOON
    await tally.flush()
    use, days = await budget_of(uow, jobs_uow, clock, allowance=1000).of_business(business_id)
    assert use.used == 500 + 7 * 13
    assert use.forecast == use.used + 7 * 13 * 195 // 65  # 19.5 days are left, the rate is that of 6.5
    assert {one.day.month for one in days} == {6}


@pytest.mark.parametrize(
    ("allowance", "yielding", "slows_greedy", "slows_all", "checks"),
    [
        (10_000, Yielding.NOBODY, False, False, True),
        (4_400, Yielding.CHECKS, False, False, False),
        (4_200, Yielding.GREEDY, True, False, False),
        (3_000, Yielding.SCHEDULE, True, True, False),
    ],
)
async def test_background_work_yields_step_by_step(
    uow: UnitOfWorkFactory,
    jobs_uow: UnitOfWorkFactory,
    clock: ToldClock,
    tally: CallTally,
    allowance: int,
    yielding: Yielding,
    slows_greedy: bool,  # noqa: FBT001 - a table's column
    slows_all: bool,  # noqa: FBT001 - the same
    checks: bool,  # noqa: FBT001 - the same
) -> None:
    greedy, modest = new_id(), new_id()
    for days_ago in range(7):
        clock.at = NOON - timedelta(days=days_ago)
        make(tally, greedy, 120)
        make(tally, modest, 18)
    clock.at = NOON
    await tally.flush()
    budget = budget_of(uow, jobs_uow, clock, allowance=allowance)
    thrifty = await budget.thrifty()
    assert (await budget.of_app()).month.forecast == 7 * 138 * 4
    assert (await budget.of_app()).yielding is yielding
    assert (greedy in thrifty, modest in thrifty) == (slows_greedy, slows_all)
    assert await budget.allows_checks() is checks


async def test_what_cannot_be_written_is_written_later(
    database: Database, uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, clock: ToldClock
) -> None:
    engine = create_engine(database.app_url.replace("oodaloo_app", "nobody"), pool_size=1)
    lost = CallTally(unit_of_work_factory(engine), clock=clock)
    business_id = new_id()
    make(lost, business_id, 2)
    await lost.flush()
    lost._uow = uow  # noqa: SLF001 - the database is back
    await lost.flush()
    await engine.dispose()
    use, _ = await budget_of(uow, jobs_uow, clock, allowance=10).of_business(business_id)
    assert use.used == 2
