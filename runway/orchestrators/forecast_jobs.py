"""Asks for forecasts to be worked out before somebody reads them: after the books changed, and when a company's day begins."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from domains.core.kept_forecasts import list_of_yesterday, list_summaries
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs import outbox
from infra.jobs.many_businesses import ask_of_each_once
from infra.logging import get_logger

KEEP_FORECAST_JOB, KEEP_FORECAST_QUEUE = "forecast.keep", "sync"
_AT_ONCE = 500

log = get_logger()


@dataclass(frozen=True)
class ForecastJobs:
    uow: UnitOfWorkFactory
    jobs_uow: UnitOfWorkFactory
    clock: Clock

    async def ask(self, business_id: UUID) -> None:
        """Of a business whose forecast somebody has read; of the others nobody waits for it."""
        try:
            async with self.uow([business_id]) as uow:
                if not await list_summaries(uow.session, [business_id]):
                    return
            async with self.jobs_uow([]) as uow:
                ring = await outbox.ask_once(
                    uow.session,
                    KEEP_FORECAST_JOB,
                    str(business_id),
                    key="books",
                    queue=KEEP_FORECAST_QUEUE,
                    business_id=business_id,
                )
                uow.ring_for(ring)
        except DBAPIError:
            # The books are in step all the same; whoever asks for the forecast has it worked out then.
            log.exception("forecast.ask.failed", business_id=str(business_id))

    async def ask_for(self, business_ids: Collection[UUID]) -> None:
        """Of businesses whose forecasts somebody has looked for in a list, and which are not kept as they are now."""
        if not business_ids:
            return
        async with self.jobs_uow([]) as uow:
            rings = await ask_of_each_once(
                uow.session, KEEP_FORECAST_JOB, business_ids, key="books", queue=KEEP_FORECAST_QUEUE
            )
            for ring in rings:
                uow.ring_for(ring)

    async def begin_days(self) -> None:
        """Ask for those whose kept forecast is of a day that is over."""
        async with self.jobs_uow([]) as uow:
            over = await list_of_yesterday(uow.session, now=self.clock.now(), limit=_AT_ONCE)
        for business_id in over:
            await self.ask(business_id)
