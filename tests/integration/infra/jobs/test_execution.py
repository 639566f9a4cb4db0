"""One row of the outbox: run once, run again when its worker dies, given up when it never works."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, text

from infra.actions.workshop import SWEEP_JOB, WORK_JOB
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailNeedsReconnect, RailUnavailable
from infra.jobs import outbox
from infra.jobs.doorbell import Doorbell
from infra.jobs.execution import JobDefinition, execute
from infra.jobs.outbox import MOST_ATTEMPTS, OutboxRow
from infra.jobs.sweeper import SWEEP_EVERY_SECONDS, ring_due
from infra.sync.refresh_lease import LEASE as REFRESH_LEASE
from runway.jobs import JOBS
from runway.orchestrators.qbo_webhooks import WEBHOOKS_JOB

NOW = timedelta(0)


@dataclass
class Work:
    """A job that counts its runs and does as it is told."""

    error: Exception | None = None
    runs: list[tuple[str, ...]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, _context: object, *arguments: str) -> None:
        self.runs.append(arguments)
        self.begun.set()
        if self.error is not None:
            raise self.error

    async def run_slowly(self, context: object, *arguments: str) -> None:
        await self.run(context, *arguments)
        await self.go_on.wait()


async def ask(uow: UnitOfWorkFactory, job: str = "work") -> int:
    async with uow([]) as unit:
        unit.enqueue(job, "a", "b")
        (row,) = unit.session.new
        await unit.session.flush()  # the id is the test's handle
        return int(row.id)


async def read(uow: UnitOfWorkFactory, outbox_id: int) -> OutboxRow:
    async with uow([]) as unit:
        return (await unit.session.scalars(select(OutboxRow).where(OutboxRow.id == outbox_id))).one()


async def make_due(uow: UnitOfWorkFactory, outbox_id: int) -> None:
    """As if the pause, or the lease, were over."""
    change = "UPDATE outbox SET due_at = now(), leased_until = now() - interval '1 second' WHERE id = :id"
    async with uow([]) as unit:
        await unit.session.execute(text(change), {"id": outbox_id})


def run(uow: UnitOfWorkFactory, outbox_id: int, work: Any, *, lease: timedelta = outbox.LEASE) -> Any:
    jobs = {"work": JobDefinition(queue="sync", run=work, lease=lease)}
    return execute(outbox_id, jobs=jobs, context=None, uow=uow)


async def test_a_job_runs_with_its_arguments_and_never_again(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(), await ask(uow)
    assert await run(uow, outbox_id, work.run)
    assert not await run(uow, outbox_id, work.run)
    assert work.runs == [("a", "b")]
    row = await read(uow, outbox_id)
    assert row.finished_at is not None
    assert (row.attempts, row.leased_until, row.dead_at) == (1, None, None)


async def test_a_row_that_was_rolled_back_was_never_asked_for(uow: UnitOfWorkFactory) -> None:
    async def fail() -> None:
        async with uow([]) as unit:
            unit.enqueue("work", "never")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await fail()
    async with uow([]) as unit:
        query = select(OutboxRow).where(OutboxRow.arguments.contains(["never"]))
        assert (await unit.session.scalars(query)).all() == []


async def test_rung_many_times_at_once_it_runs_once(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(), await ask(uow)
    work.go_on.set()
    ran = await asyncio.gather(*(run(uow, outbox_id, work.run_slowly) for _ in range(8)))
    assert ran.count(True) == len(work.runs) == 1


async def test_while_it_runs_its_lease_is_kept_alive(uow: UnitOfWorkFactory) -> None:
    """Three leases long; a ring meanwhile finds it taken."""
    work, outbox_id, lease = Work(), await ask(uow), timedelta(seconds=0.6)
    running = asyncio.create_task(run(uow, outbox_id, work.run_slowly, lease=lease))
    await work.begun.wait()
    for _ in range(6):
        await asyncio.sleep(0.3)
        assert not await run(uow, outbox_id, work.run, lease=lease)
    work.go_on.set()
    assert await running
    assert len(work.runs) == 1


async def test_each_job_rests_for_its_own_lease_and_no_other_for_it(uow: UnitOfWorkFactory) -> None:
    hasty, patient = await ask(uow, "hasty"), await ask(uow, "patient")
    leases = {"hasty": timedelta(seconds=3)}
    async with uow([]) as unit:
        claimed = [await outbox.claim(unit.session, one, leases=leases) for one in (hasty, patient)]
    assert [one and one.lease for one in claimed] == [timedelta(seconds=3), outbox.LEASE]
    left = "SELECT extract(epoch FROM leased_until - clock_timestamp()) FROM outbox WHERE id = :id"
    async with uow([]) as unit:
        seconds = [float(await unit.session.scalar(text(left), {"id": one})) for one in (hasty, patient)]
    assert seconds[0] <= 3 < 60 - 30 < seconds[1] <= 60
    assert claimed[0] is not None
    async with uow([]) as unit:
        await outbox.extend_lease(unit.session, claimed[0])
        assert float(await unit.session.scalar(text(left), {"id": hasty})) <= 3, (
            "a heartbeat gives no more than the lease"
        )


def test_an_announced_change_rests_far_less_than_a_minute_with_a_killed_worker() -> None:
    """This lease, the refresh's own beside it, and the sweeper's turn and the ring's life after it."""
    rest = max(JOBS[WEBHOOKS_JOB].lease, REFRESH_LEASE) + timedelta(seconds=SWEEP_EVERY_SECONDS)
    assert rest <= timedelta(seconds=30)
    assert {name for name, job in JOBS.items() if job.lease != outbox.LEASE} == {WEBHOOKS_JOB, WORK_JOB, SWEEP_JOB}


async def test_a_worker_that_dies_gives_the_job_back_when_its_lease_ends(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(), await ask(uow)
    async with uow([]) as unit:
        dead = await outbox.claim(unit.session, outbox_id, lease=timedelta(seconds=0.2))
    assert dead is not None
    assert not await run(uow, outbox_id, work.run)
    await asyncio.sleep(0.3)
    async with uow([]) as unit:
        assert outbox_id in {ring.outbox_id for ring in await outbox.list_due(unit.session, limit=10_000)}
    assert await run(uow, outbox_id, work.run)
    assert (await read(uow, outbox_id)).attempts == 2


async def test_an_attempt_that_lost_its_lease_changes_nothing_any_more(uow: UnitOfWorkFactory) -> None:
    outbox_id = await ask(uow)
    async with uow([]) as unit:
        slow = await outbox.claim(unit.session, outbox_id, lease=NOW)
    async with uow([]) as unit:
        second = await outbox.claim(unit.session, outbox_id)
    assert slow is not None
    assert second is not None
    async with uow([]) as unit:
        await outbox.finish(unit.session, slow)
        await outbox.bury(unit.session, slow, error="late")
        await outbox.extend_lease(unit.session, slow)
    row = await read(uow, outbox_id)
    assert (row.finished_at, row.dead_at, row.attempts) == (None, None, 2)
    assert row.leased_until is not None
    assert row.leased_until - row.requested_at > timedelta(seconds=30)


async def test_a_failure_is_tried_again_later_and_later_and_then_never(uow: UnitOfWorkFactory) -> None:
    work, outbox_id, pauses = Work(error=ValueError("no")), await ask(uow), []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        async with uow([]) as unit:
            before = (await unit.session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        assert await run(uow, outbox_id, work.run)
        row = await read(uow, outbox_id)
        assert (row.attempts, row.last_error, row.finished_at) == (attempt, "ValueError: no", None)
        if attempt < MOST_ATTEMPTS:
            assert not await run(uow, outbox_id, work.run), "not before its pause is over"
            pauses.append(round((row.due_at - before).total_seconds(), -1 if attempt > 3 else None))
            await make_due(uow, outbox_id)
    assert len(pauses) == MOST_ATTEMPTS - 1
    assert pauses == sorted(pauses)
    assert pauses[0] >= 5
    assert (await read(uow, outbox_id)).dead_at is not None
    await make_due(uow, outbox_id)
    assert not await run(uow, outbox_id, work.run)
    assert len(work.runs) == MOST_ATTEMPTS


async def test_a_job_that_kills_its_worker_each_time_is_given_up_too(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(), await ask(uow)
    for _ in range(MOST_ATTEMPTS):
        async with uow([]) as unit:
            assert await outbox.claim(unit.session, outbox_id, lease=NOW)
        await make_due(uow, outbox_id)
    assert not await run(uow, outbox_id, work.run)
    row = await read(uow, outbox_id)
    assert row.dead_at is not None
    assert "no worker lived" in (row.last_error or "")
    async with uow([]) as unit:
        assert outbox_id not in {ring.outbox_id for ring in await outbox.list_due(unit.session, limit=10_000)}


async def test_what_only_a_person_can_mend_is_not_tried_again(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(error=RailNeedsReconnect("Connect again.")), await ask(uow)
    assert await run(uow, outbox_id, work.run)
    row = await read(uow, outbox_id)
    assert row.dead_at is not None
    assert (row.attempts, row.last_error) == (1, "Connect again.")


async def test_a_rail_that_is_down_for_long_does_not_end_the_job(uow: UnitOfWorkFactory) -> None:
    work, outbox_id = Work(error=RailUnavailable("QuickBooks did not answer.")), await ask(uow)
    for _ in range(MOST_ATTEMPTS + 2):
        assert await run(uow, outbox_id, work.run)
        assert not await run(uow, outbox_id, work.run), "not before its pause is over"
        await make_due(uow, outbox_id)
    work.error = None
    assert await run(uow, outbox_id, work.run)
    row = await read(uow, outbox_id)
    assert (row.dead_at, row.last_error, len(work.runs)) == (None, None, MOST_ATTEMPTS + 3)
    assert row.finished_at is not None


async def test_a_name_nobody_knows_fails_like_a_job(uow: UnitOfWorkFactory) -> None:
    outbox_id = await ask(uow, "unheard of")
    assert await run(uow, outbox_id, Work().run)
    assert "unheard of" in ((await read(uow, outbox_id)).last_error or "")


async def test_with_redis_down_the_wish_is_kept_and_the_sweeper_rings_later(
    uow: UnitOfWorkFactory, redis_url: str
) -> None:
    outbox_id = await ask(uow)
    deaf = Doorbell("unix:///nowhere/at/all.sock", function="nobody.home")
    try:
        await ring_due(uow, deaf)  # says nothing, raises nothing
    finally:
        deaf.close()
    assert (await read(uow, outbox_id)).attempts == 0
    doorbell = Doorbell(redis_url, function="nobody.home")
    try:
        assert await ring_due(uow, doorbell) > 0
        await ring_due(uow, doorbell)
    finally:
        doorbell.close()
    with Redis.from_url(redis_url) as client:
        rung = [name for name in client.lrange("rq:queue:sync", 0, -1) if name.startswith(b"outbox-%d-0-" % outbox_id)]
    assert len(rung) == 1, "twice rung, once queued"
