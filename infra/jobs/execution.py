"""Running rows of the outbox: claim, work under a lease that is kept alive, and how it ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError, RailNeedsReconnect, RailRateLimited, RailUnavailable
from infra.jobs import outbox
from infra.jobs.outbox import ClaimedJob
from infra.logging import get_logger
from infra.observability.counted import note_job
from infra.redaction import words_of

log = get_logger()

LONGEST_JOB = timedelta(hours=6)

ToldOfDeath = Callable[[ClaimedJob, str], Awaitable[None]]


@dataclass(frozen=True)
class JobDefinition:
    """A job's queue and what it does with its arguments, which are ids as strings. It must be safe to run twice.

    `beside_others`: it waits for a rail most of its time, so a process at work takes up to so many due ones of it along.
    `lease`: how long a killed worker's attempt keeps the next one waiting; a third of it is the time between heartbeats.
    `at_most`: an attempt that takes longer has failed.
    """

    queue: str
    run: Callable[..., Awaitable[None]]
    beside_others: int = 0
    lease: timedelta = outbox.LEASE
    at_most: timedelta = LONGEST_JOB


async def _tell_nobody(_claimed: ClaimedJob, _error: str) -> None:
    """The log has it, and the row is kept."""


async def execute(
    outbox_id: int,
    *,
    jobs: Mapping[str, JobDefinition],
    context: object,
    uow: UnitOfWorkFactory,
    on_dead: ToldOfDeath = _tell_nobody,
) -> bool:
    """Run the job if nobody else has it; False when there was nothing to do.

    A failure is written on the row and tried again later; it is not raised, so that RQ keeps no second account of it. Cancelled, it gives
    the row back.
    """
    async with uow([]) as unit:
        claimed = await outbox.claim(unit.session, outbox_id, leases={name: each.lease for name, each in jobs.items()})
        lost = await outbox.give_up(unit.session, outbox_id) if claimed is None else None
    if lost is not None:
        await _tell_of_death(lost, outbox.NO_WORKER_LIVED, on_dead)
    if claimed is None:
        return False
    crash_point("job.claimed")
    with bound_contextvars(**_shown_of(claimed)):
        heartbeat = asyncio.create_task(_keep_lease(claimed, uow))
        try:
            await _attempt(claimed, jobs, context=context, uow=uow, on_dead=on_dead)
        except asyncio.CancelledError:
            async with uow([]) as unit:
                await outbox.give_back(unit.session, claimed)
            log.info("jobs.job.given_back", attempts=claimed.attempts)
            raise
        finally:
            heartbeat.cancel()
            await asyncio.wait([heartbeat])
    return True


def _shown_of(claimed: ClaimedJob) -> dict[str, str | int]:
    """What every line has that is logged while the job runs."""
    business = {"business_id": str(claimed.business_id)} if claimed.business_id else {}
    return {"job": claimed.job, "job_id": claimed.outbox_id, **business}


async def _attempt(
    claimed: ClaimedJob,
    jobs: Mapping[str, JobDefinition],
    *,
    context: object,
    uow: UnitOfWorkFactory,
    on_dead: ToldOfDeath,
) -> None:
    """One attempt to its end on the row; one line of the log tells of it."""
    began = time.monotonic()
    try:
        job = jobs[claimed.job]
        async with asyncio.timeout(job.at_most.total_seconds()):
            await job.run(context, *claimed.arguments)
    except Exception as error:  # noqa: BLE001  # whatever a job raises must end on its row, or it would be lost
        is_dead = await _end(claimed, uow, error=error, seconds=time.monotonic() - began)
        if is_dead:
            await _tell_of_death(claimed, words_of(error), on_dead)
    else:
        seconds = time.monotonic() - began
        async with uow([]) as unit:
            unit.ring_for(await outbox.finish(unit.session, claimed))
        crash_point("job.done")
        note_job(claimed.job, "done", seconds=seconds)
        log.info("jobs.job.done", attempts=claimed.attempts, ms=round(seconds * 1000))


async def _tell_of_death(claimed: ClaimedJob, error: str, on_dead: ToldOfDeath) -> None:
    with bound_contextvars(**_shown_of(claimed)):
        log.error("jobs.job.dead", error=error)
        await on_dead(claimed, error)


async def _end(claimed: ClaimedJob, uow: UnitOfWorkFactory, *, error: Exception, seconds: float) -> bool:
    """Write down how it failed; True when it is dead now. That a rail is down is no fault of ours, and no error in the log."""
    is_rails = isinstance(error, RailError)
    note_job(claimed.job, "waits_for_rail" if isinstance(error, RailUnavailable) else "failed", seconds=seconds)
    (log.warning if is_rails else log.error)(
        "jobs.job.failed",
        attempts=claimed.attempts,
        ms=round(seconds * 1000),
        exc_info=None if is_rails else error,
        error=words_of(error),
    )
    text = words_of(error)
    async with uow([]) as unit:
        match error:
            case RailNeedsReconnect():
                return await outbox.bury(unit.session, claimed, error=text)
            case RailRateLimited(retry_after_seconds=seconds):
                pause = max(timedelta(seconds=seconds), outbox.SHORTEST_RAIL_PAUSE)
                await outbox.wait_for_rail(unit.session, claimed, error=text, at_least=pause)
            case RailUnavailable():
                await outbox.wait_for_rail(unit.session, claimed, error=text)
            case _:
                return await outbox.put_off(unit.session, claimed, error=f"{type(error).__name__}: {text}")
    return False


async def _keep_lease(claimed: ClaimedJob, uow: UnitOfWorkFactory) -> None:
    """Three beats a lease: one that the database misses does not give the job away."""
    while True:
        await asyncio.sleep(claimed.lease.total_seconds() / 3)
        try:
            async with uow([]) as unit:
                await outbox.extend_lease(unit.session, claimed)
        except SQLAlchemyError as error:
            log.warning("jobs.lease.not_extended", job_id=claimed.outbox_id, error=type(error).__name__)
