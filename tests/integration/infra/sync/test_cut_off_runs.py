"""A run whose process was killed does not read "running" for ever, and one thought dead that ends well reads so."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.sync import runs
from infra.sync.runs import RunKind, RunState, SyncRun

NOW = SystemClock().now()


async def begin(uow: UnitOfWorkFactory, run: SyncRun) -> None:
    async with uow([run.business_id]) as unit:
        await runs.begin_run(unit.session, run)


def a_run(business_id: object, kind: RunKind, *, at: datetime) -> SyncRun:
    return SyncRun(
        business_id=business_id,
        id=new_id(),
        rail=Rail.QBO.value,
        kind=kind.value,
        state=RunState.RUNNING.value,
        actor="test",
        started_at=at,
    )


@pytest.mark.parametrize(
    ("kind", "age", "state"),
    [
        (RunKind.INCREMENTAL, timedelta(hours=7), RunState.FAILED),
        (RunKind.INCREMENTAL, timedelta(minutes=1), RunState.RUNNING),  # another process's, alive
        (RunKind.BACKFILL, timedelta(minutes=1), RunState.FAILED),
    ],
)
async def test_a_run_that_was_cut_off_is_told_when_the_next_begins(
    engine: AsyncEngine, kind: RunKind, age: timedelta, state: RunState
) -> None:
    uow, business_id = unit_of_work_factory(engine), new_id()
    await begin(uow, a_run(business_id, kind, at=NOW - age))
    await begin(uow, a_run(business_id, kind, at=NOW))
    async with uow([business_id]) as unit:
        newest, oldest = await runs.list_runs(unit.session, business_id, rail=Rail.QBO, limit=5)
    assert (oldest.state, newest.state) == (state, RunState.RUNNING)
    assert (oldest.error == "cut off", oldest.finished_at is not None) == (state is RunState.FAILED,) * 2
