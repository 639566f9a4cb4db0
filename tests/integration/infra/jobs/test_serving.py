"""A process that stays: what is under way when it has to go is given back, and nothing of a job is left for the next."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.contextvars import bind_contextvars, get_contextvars

from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.jobs.execution import JobDefinition
from infra.jobs.outbox import ClaimedJob, OutboxRow
from infra.jobs.residence import Residence
from infra.jobs.serving import Service, Workplace
from tests.rig import Database

Run = Callable[..., Awaitable[None]]


@pytest.fixture
def queue() -> str:
    """Nobody else's jobs are in it."""
    return f"q-{uuid4().hex[:8]}"


async def tell_nobody(_dead: ClaimedJob, _error: str) -> None:
    return


def workplace(uow: UnitOfWorkFactory, queue: str, **runs: Run) -> Workplace:
    jobs = {name: JobDefinition(queue=queue, run=run, beside_others=2) for name, run in runs.items()}
    return Workplace(jobs=jobs, context=None, uow=uow, on_dead=tell_nobody)


async def ask(uow: UnitOfWorkFactory, queue: str, *jobs: str) -> list[int]:
    async with uow([]) as unit:
        rows = [OutboxRow(business_id=None, queue=queue, job=job, arguments=[]) for job in jobs]
        unit.session.add_all(rows)
        await unit.session.flush()  # their ids are the test's handles
        return [row.id for row in rows]


async def read(uow: UnitOfWorkFactory, outbox_id: int) -> OutboxRow:
    async with uow([]) as unit:
        return (await unit.session.scalars(select(OutboxRow).where(OutboxRow.id == outbox_id))).one()


async def test_nothing_that_a_job_binds_is_seen_by_another(uow: UnitOfWorkFactory, queue: str) -> None:
    mark: ContextVar[str] = ContextVar("mark", default="")
    seen: list[tuple[str, dict[str, Any]]] = []

    async def leave_traces(_context: object) -> None:
        seen.append((mark.get(), get_contextvars()))
        mark.set("somebody's")
        bind_contextvars(business_id="somebody's", secret="theirs")
        await asyncio.sleep(0.05)

    mark.set("the worker's")
    first, *others = await ask(uow, queue, "work", "work", "work", "work")
    place = workplace(uow, queue, work=leave_traces)
    service = Service(place, queue=queue)
    await service.run(first)
    await Service(place, queue=queue).run(first)  # done already
    assert service.worked_off == len(others) + 1 == len(seen)
    assert {words for words, _ in seen} == {""}
    assert all(set(bound) == {"job", "job_id"} for _, bound in seen)


async def test_cut_off_it_gives_back_what_is_under_way_and_that_was_no_attempt(
    uow: UnitOfWorkFactory, queue: str
) -> None:
    begun, cut = asyncio.Event(), []

    async def hang(_context: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.append(True)

    (outbox_id,) = await ask(uow, queue, "work")
    serving = asyncio.create_task(Service(workplace(uow, queue, work=hang), queue=queue).run(outbox_id))
    await begun.wait()
    serving.cancel()
    await asyncio.wait([serving])
    row = await read(uow, outbox_id)
    assert (cut, row.attempts, row.leased_until, row.finished_at, row.dead_at) == ([True], 0, None, None, None)
    assert row.last_error is None


async def test_told_to_take_no_more_it_ends_with_what_it_has(uow: UnitOfWorkFactory, queue: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_context: object) -> None:
        begun.set()
        await go_on.wait()

    first, second = await ask(uow, queue, "alone", "work")
    place = workplace(uow, queue, alone=wait)
    place = replace(place, jobs={**place.jobs, **workplace(uow, queue, work=wait).jobs})
    service = Service(place, queue=queue)
    service.take_no_more()
    serving = asyncio.create_task(service.run(first))
    await begun.wait()
    go_on.set()
    await serving
    assert (await read(uow, first)).finished_at is not None
    assert (await read(uow, second)).attempts == 0


async def test_an_attempt_that_takes_longer_than_its_job_may_has_failed(uow: UnitOfWorkFactory, queue: str) -> None:
    async def hang(_context: object) -> None:
        await asyncio.Event().wait()

    (outbox_id,) = await ask(uow, queue, "work")
    place = workplace(uow, queue, work=hang)
    hasty = replace(place.jobs["work"], at_most=timedelta(seconds=0.05))
    await Service(replace(place, jobs={"work": hasty}), queue=queue).run(outbox_id)
    row = await read(uow, outbox_id)
    assert (row.attempts, row.leased_until, (row.last_error or "").split(":")[0]) == (1, None, "TimeoutError")


async def test_a_row_that_cannot_be_ended_ends_neither_the_others_nor_the_process(
    uow: UnitOfWorkFactory, queue: str
) -> None:
    """The database is away just when a job's end is to be written, and at the look for more that follows."""
    away: list[bool] = []
    done: list[bool] = []

    @asynccontextmanager
    async def shaky(business_ids: Sequence[UUID]) -> AsyncIterator[UnitOfWork]:
        if away:
            away.pop()
            raise OperationalError("COMMIT", None, ConnectionError("gone"))
        async with uow(business_ids) as unit:
            yield unit

    async def lose_the_database(_context: object) -> None:
        await asyncio.sleep(0.3)  # until the others are at work
        away.extend([True, True])

    async def work(_context: object) -> None:
        await asyncio.sleep(0.6)
        done.append(True)

    first, *_ = await ask(uow, queue, "bad", "good", "good")
    await Service(workplace(shaky, queue, bad=lose_the_database, good=work), queue=queue).run(first)
    assert (away, len(done)) == ([], 2)
    row = await read(uow, first)
    assert (row.finished_at, row.attempts) == (None, 1)
    assert row.leased_until is not None


class TimeIsUp(Exception):
    """What RQ's alarm raises in the thread that waits."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def opened() -> list[str]:
    return []


def residence_of(database: Database, queue: str, opened: list[str], **runs: Run) -> Residence:
    @asynccontextmanager
    async def open_workplace() -> AsyncIterator[Workplace]:
        engine = create_engine(database.jobs_url, pool_size=3)
        opened.append("open")
        yield workplace(unit_of_work_factory(engine), queue, **runs)
        await engine.dispose()
        opened.append("closed")

    return Residence(open_workplace, queue=queue)


def test_jobs_share_one_loop_and_one_workplace_which_is_closed_at_the_end(
    database: Database, queue: str, opened: list[str]
) -> None:
    loops = []

    async def work(_context: object) -> None:
        loops.append(asyncio.get_running_loop())

    residence = residence_of(database, queue, opened, work=work)
    residence.begin()
    for outbox_id in ask_at_once(database, queue, "work", "work", "work"):
        residence.work_off(outbox_id, beat=lambda: None)
    residence.close()
    assert (len(loops), len(set(loops)), residence.worked_off) == (3, 1, 3)
    assert opened == ["open", "closed"]


@pytest.mark.parametrize("blow", ["a time limit", "SIGTERM"])
def test_whatever_ends_the_wait_gives_the_jobs_back(
    database: Database, queue: str, opened: list[str], blow: str
) -> None:
    async def hang(_context: object) -> None:
        if blow == "SIGTERM":
            residence.leave(within_seconds=0.1)
        await asyncio.Event().wait()

    residence = residence_of(database, queue, opened, work=hang)
    residence.begin()
    outbox_id, another = ask_at_once(database, queue, "work", "work")
    if blow == "SIGTERM":
        residence.work_off(outbox_id, beat=lambda: None)
        residence.work_off(another, beat=lambda: None)  # which it takes no more
    else:
        with pytest.raises(TimeIsUp), alarm(1.0):
            residence.work_off(outbox_id, beat=lambda: None)
    residence.close()
    rows = [asyncio.run(read_alone(database, each)) for each in (outbox_id, another)]
    assert [(row.attempts, row.leased_until, row.finished_at) for row in rows] == [(0, None, None)] * 2


def test_a_workplace_that_does_not_open_says_so(database: Database, queue: str) -> None:
    @asynccontextmanager
    async def open_workplace() -> AsyncIterator[Workplace]:
        engine = create_engine(f"{database.jobs_url}_that_is_nowhere", pool_size=1)
        async with engine.connect():
            yield workplace(unit_of_work_factory(engine), queue)

    with pytest.raises(OperationalError, match="nowhere"):
        Residence(open_workplace, queue=queue).begin()


def ask_at_once(database: Database, queue: str, *jobs: str) -> list[int]:
    async def asked() -> list[int]:
        engine = create_engine(database.jobs_url, pool_size=1)
        try:
            return await ask(unit_of_work_factory(engine), queue, *jobs)
        finally:
            await engine.dispose()

    return asyncio.run(asked())


async def read_alone(database: Database, outbox_id: int) -> OutboxRow:
    engine = create_engine(database.jobs_url, pool_size=1)
    try:
        return await read(unit_of_work_factory(engine), outbox_id)
    finally:
        await engine.dispose()
