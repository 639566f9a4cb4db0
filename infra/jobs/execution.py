"""Running one row of the outbox: claim, work under a lease that is kept alive, and how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError, RailNeedsReconnect, RailUnavailable
from infra.jobs import outbox
from infra.jobs.outbox import ClaimedJob
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()


@dataclass(frozen=True)
class JobDefinition:
    """A job's queue and what it does with its arguments, which are ids as strings. It must be safe to run twice."""

    queue: str
    run: Callable[..., Awaitable[None]]


async def execute(
    outbox_id: int,
    *,
    jobs: Mapping[str, JobDefinition],
    context: object,
    uow: UnitOfWorkFactory,
    lease: timedelta = outbox.LEASE,
) -> bool:
    """Run the job if nobody else has it; False when there was nothing to do.

    A failure is written on the row and tried again later; it is not raised, so that RQ keeps no second account of it.
    """
    async with uow([]) as unit:
        claimed = await outbox.claim(unit.session, outbox_id, lease=lease)
    if claimed is None:
        return False
    heartbeat = asyncio.create_task(_keep_lease(claimed, uow, lease=lease))
    try:
        await jobs[claimed.job].run(context, *claimed.arguments)
    except Exception as error:  # noqa: BLE001  # whatever a job raises must end on its row, or it would be lost
        await _end(claimed, uow, error=error)
    else:
        async with uow([]) as unit:
            await outbox.finish(unit.session, claimed)
        log.info("jobs.job.done", job=claimed.job, outbox_id=outbox_id, attempts=claimed.attempts)
    finally:
        heartbeat.cancel()
        await asyncio.wait([heartbeat])
    return True


async def _end(claimed: ClaimedJob, uow: UnitOfWorkFactory, *, error: Exception) -> None:
    log.error(
        "jobs.job.failed",
        job=claimed.job,
        outbox_id=claimed.outbox_id,
        attempts=claimed.attempts,
        exc_info=None if isinstance(error, RailError) else error,
        error=words_of(error),
    )
    async with uow([]) as unit:
        match error:
            case RailNeedsReconnect():
                await outbox.bury(unit.session, claimed, error=words_of(error))
            case RailUnavailable():
                await outbox.wait_for_rail(unit.session, claimed, error=words_of(error))
            case _:
                await outbox.put_off(unit.session, claimed, error=f"{type(error).__name__}: {words_of(error)}")


async def _keep_lease(claimed: ClaimedJob, uow: UnitOfWorkFactory, *, lease: timedelta) -> None:
    """Three beats a lease: one that the database misses does not give the job away."""
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        try:
            async with uow([]) as unit:
                await outbox.extend_lease(unit.session, claimed, lease=lease)
        except SQLAlchemyError as error:
            log.warning("jobs.lease.not_extended", outbox_id=claimed.outbox_id, error=type(error).__name__)
