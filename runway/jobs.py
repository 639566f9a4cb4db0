"""Job name → function, and what RQ calls. A job takes ids as strings and is safe to run twice."""

import asyncio
from uuid import UUID

from domains.core.models import Business
from infra.embedded.servers import servers
from infra.jobs.execution import JobDefinition, execute
from infra.logging import configure_logging
from infra.mail.post import MAIL_JOB
from infra.qbo.asked_jobs import RESCAN
from runway.orchestrators.connect_qbo import BACKFILL_JOB
from runway.orchestrators.disconnect_qbo import REVOKE_JOB
from runway.wiring import Services, Settings, open_services


async def backfill_qbo(services: Services, business_id: str) -> None:
    """Read a company's books for the first time, or go on where that was cut off."""
    business = await _business(services, business_id)
    await services.of(business).sync.backfill(actor=f"job:{BACKFILL_JOB}")


async def _business(services: Services, business_id: str) -> Business:
    async with services.uow([UUID(business_id)]) as uow:
        return await services.businesses.get_business(uow.session, UUID(business_id))


async def rescan_qbo(services: Services, business_id: str, *entities: str) -> None:
    """Read whole again what change capture cannot bring in step; it goes on where it was cut off."""
    business = await _business(services, business_id)
    await services.of(business).sync.rescan(*entities, actor=f"job:{RESCAN}")


async def revoke_qbo(services: Services, business_id: str) -> None:
    """End at Intuit what was disconnected here, unless that is done or it was connected again."""
    await services.disconnecting.revoke(UUID(business_id))


async def send_mail(services: Services, mail_id: str) -> None:
    """Send one letter, unless it is sent."""
    await services.mail_room.send(UUID(mail_id))


JOBS = {
    BACKFILL_JOB: JobDefinition(queue="bulk", run=backfill_qbo),
    RESCAN: JobDefinition(queue="bulk", run=rescan_qbo),
    REVOKE_JOB: JobDefinition(queue="sync", run=revoke_qbo),
    MAIL_JOB: JobDefinition(queue="interactive", run=send_mail),
}


def run_job(outbox_id: int) -> None:
    """RQ's entry: one event loop, one engine, one row of the outbox."""
    asyncio.run(_run(outbox_id))


async def _run(outbox_id: int) -> None:
    settings = Settings.from_environment()
    configure_logging(level=settings.web.log_level, as_json=settings.web.log_json)
    with servers(settings.servers) as addresses:
        async with open_services(settings, addresses) as services:
            await execute(outbox_id, jobs=JOBS, context=services, uow=services.jobs_uow)
