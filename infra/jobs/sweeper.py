"""Ringing for every due row, again and again: what makes a lost ring, a dead worker or an emptied Redis cost seconds, not a job."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs import outbox
from infra.jobs.doorbell import Doorbell
from infra.logging import get_logger

log = get_logger()

SWEEP_EVERY_SECONDS = 2.0


async def ring_due(uow: UnitOfWorkFactory, doorbell: Doorbell) -> int:
    """Ring once for each row that may be claimed now; how many."""
    async with uow([]) as unit:
        due = await outbox.list_due(unit.session)
    await doorbell.ring(due)
    return len(due)


async def sweep_forever(uow: UnitOfWorkFactory, doorbell: Doorbell) -> None:
    while True:
        try:
            await ring_due(uow, doorbell)
        except SQLAlchemyError as error:
            log.warning("jobs.sweep.failed", error=type(error).__name__)
        await asyncio.sleep(SWEEP_EVERY_SECONDS)
