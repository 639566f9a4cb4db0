"""What the workers do, in this process: the due jobs of one business, as they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import func, select

from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from runway.jobs import JOBS
from tests.e2e.rest import Web

_LOOK_EVERY_SECONDS = 0.01


@asynccontextmanager
async def at_work(web: Web, business_id: str, *, queues: tuple[str, ...] = ("actions",)) -> AsyncIterator[None]:
    """Other modules' jobs lie in the same tables: they are left alone."""
    working = asyncio.create_task(_work(web, UUID(business_id), queues))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait([working])
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error


async def _work(web: Web, business_id: UUID, queues: tuple[str, ...]) -> None:
    services = web.services
    due = select(OutboxRow.id).where(
        OutboxRow.business_id == business_id,
        OutboxRow.queue.in_(queues),
        OutboxRow.finished_at.is_(None),
        OutboxRow.dead_at.is_(None),
        OutboxRow.due_at <= func.clock_timestamp(),
    )
    while True:
        async with services.jobs_uow([]) as uow:
            rows = list(await uow.session.scalars(due.order_by(OutboxRow.due_at)))
        await asyncio.gather(*(execute(row, jobs=JOBS, context=services, uow=services.jobs_uow) for row in rows))
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
