"""The schedule kept by several at once, through missed times, clocks set back, and a Redis that is away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.cron import CronScheduler
from sqlalchemy import text

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.ids import new_id
from infra.jobs import outbox
from infra.jobs.cron import Cron, CronEntry
from infra.jobs.execution import JobDefinition, execute

EVERY = timedelta(minutes=10)


@pytest.fixture
def entry() -> CronEntry:
    return CronEntry(f"test.{new_id()}", "none", every=EVERY)


@pytest.fixture
def scheduler(uow: UnitOfWorkFactory, redis_url: str) -> Callable[[CronEntry], Cron]:
    return lambda entry: Cron([entry], uow=uow, redis_url=redis_url)


async def rows(uow: UnitOfWorkFactory, entry: CronEntry) -> list[int]:
    async with uow([]) as unit:
        query = text("SELECT id FROM outbox WHERE job = :job ORDER BY id")
        return list(await unit.session.scalars(query, {"job": entry.job}))


async def end_all(uow: UnitOfWorkFactory, entry: CronEntry) -> None:
    async with uow([]) as unit:
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE job = :job"), {"job": entry.job})


async def move_slot(uow: UnitOfWorkFactory, entry: CronEntry, by: timedelta) -> None:
    """As if that time had passed since the last look, or, ahead, as a clock that ran fast would have left it."""
    async with uow([]) as unit:
        await unit.session.execute(
            text("UPDATE cron_tick SET slot = slot + :by WHERE job = :job"), {"job": entry.job, "by": by}
        )


def shown_as_run(client: Redis) -> bool:
    return any(job.latest_enqueue_time for one in CronScheduler.all(client) for job in one.get_jobs())


async def test_many_schedulers_ask_once_a_slot(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry
) -> None:
    schedulers = [scheduler(entry) for _ in range(6)]
    for slot in range(1, 5):
        asked = await asyncio.gather(*(one.look() for one in schedulers for _ in range(3)))
        assert [job for one in asked for job in one] == [entry.job]
        assert len(await rows(uow, entry)) == slot
        await end_all(uow, entry)
        await move_slot(uow, entry, -EVERY)


async def test_times_that_were_missed_are_caught_up_by_one_run(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry
) -> None:
    one = scheduler(entry)
    await one.look()
    await end_all(uow, entry)
    await move_slot(uow, entry, timedelta(days=-3))
    assert await one.look() == [entry.job]
    assert await one.look() == []
    assert len(await rows(uow, entry)) == 2


async def test_a_run_that_waits_still_is_not_asked_for_again(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry
) -> None:
    one = scheduler(entry)
    for _ in range(4):
        await one.look()
        await move_slot(uow, entry, -EVERY)
    (row,) = await rows(uow, entry)

    async def run(_context: object) -> None:
        await one.look()  # its time comes while it runs

    jobs = {entry.job: JobDefinition(queue="none", run=run)}
    assert await execute(row, jobs=jobs, context=None, uow=uow)
    assert await rows(uow, entry) == [row]


async def test_a_clock_that_was_set_back_does_not_stop_the_schedule(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry
) -> None:
    one = scheduler(entry)
    await one.look()
    await end_all(uow, entry)
    await move_slot(uow, entry, timedelta(days=2))
    assert await one.look() == [entry.job]
    assert await one.look() == []


async def test_one_slot_ahead_is_another_scheduler_that_looked_later(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry
) -> None:
    one = scheduler(entry)
    await one.look()
    await end_all(uow, entry)
    await move_slot(uow, entry, EVERY)
    assert await one.look() == []


async def test_without_redis_the_schedule_is_kept(uow: UnitOfWorkFactory, entry: CronEntry) -> None:
    keeping = asyncio.create_task(Cron([entry], uow=uow, redis_url="unix:///nowhere/at/all.sock").keep())
    async with asyncio.timeout(60):
        while not await rows(uow, entry):  # noqa: ASYNC110 - only the table tells
            await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_rq_shows_the_schedule_and_forgets_a_scheduler_that_left(
    uow: UnitOfWorkFactory, scheduler: Callable[[CronEntry], Cron], entry: CronEntry, redis_url: str
) -> None:
    keeping = asyncio.create_task(scheduler(entry).keep())
    with Redis.from_url(redis_url) as client:
        async with asyncio.timeout(60):
            while not shown_as_run(client):  # noqa: ASYNC110 - only Redis tells
                await asyncio.sleep(0.02)
        (shown,) = CronScheduler.all(client)
        assert [(job.name, job.queue_name, job.interval) for job in shown.get_jobs()] == [(entry.job, "none", 600)]
        keeping.cancel()
        await asyncio.wait([keeping])
        assert CronScheduler.all(client) == []
    assert len(await rows(uow, entry)) == 1


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("2026-03-08T08:00:00", "2026-03-08T08:00:00"),
        ("2026-03-08T08:00:00.5", "2026-03-08T08:00:00"),
        ("2026-03-08T07:59:59.999999", "2026-03-07T08:00:00"),
        ("2026-03-08T23:00:00", "2026-03-08T08:00:00"),
    ],
)
def test_the_slot_of_a_cron_line_is_the_latest_time_that_came(now: str, slot: str) -> None:
    entry = CronEntry("night", "bulk", cron="0 8 * * *")
    found = entry.slot_at(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(slot).replace(tzinfo=UTC)
    assert entry.slot_after(found) == found + timedelta(days=1)


async def test_a_fact_that_comes_while_the_job_runs_makes_it_run_once_more(uow: UnitOfWorkFactory) -> None:
    """However often it comes; and what was asked before it began is its own to see."""
    job, runs = f"test.{new_id()}", []

    async def ask() -> int | None:
        async with uow([]) as unit:
            ring = await outbox.ask_once(unit.session, job, "a", key="k", queue="none")
        return None if ring is None else ring.outbox_id

    async def run(_context: object, *arguments: str) -> None:
        runs.append(arguments)
        if len(runs) == 1:
            assert [await ask() for _ in range(5)] == [None] * 5

    first = await ask()
    assert first is not None
    assert [await ask() for _ in range(3)] == [None] * 3
    jobs = {job: JobDefinition(queue="none", run=run)}
    assert await execute(first, jobs=jobs, context=None, uow=uow)
    (_, second) = await rows(uow, CronEntry(job, "none", every=EVERY))
    assert await execute(second, jobs=jobs, context=None, uow=uow)
    assert runs == [("a",), ("a",)]
    assert len(await rows(uow, CronEntry(job, "none", every=EVERY))) == 2
    assert await ask() is not None, "later it is asked for anew"
    await end_all(uow, CronEntry(job, "none", every=EVERY))
