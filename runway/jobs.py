"""Job name → function, and what RQ calls. A job takes ids as strings and is safe to run twice."""

import asyncio
from uuid import UUID

from domains.core.models import Business
from infra.embedded.servers import servers
from infra.jobs.execution import JobDefinition, execute
from infra.logging import configure_logging
from infra.mail.post import MAIL_JOB
from infra.qbo.asked_jobs import COMPARE, RECONCILE, RESCAN, TIE_OUT
from runway.orchestrators.connect_qbo import BACKFILL_JOB
from runway.orchestrators.disconnect_qbo import REVOKE_JOB
from runway.orchestrators.watch import NOTICE_MAIL_JOB, WATCH_JOB
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


async def tie_out_qbo(services: Services, business_id: str) -> None:
    """Compare the mirror's counts, sums and balances with QuickBooks' own."""
    business = await _business(services, business_id)
    await services.of(business).sync.tie_out(actor=f"job:{TIE_OUT}")
    await services.watch.look_at(business.id)


async def reconcile_qbo(services: Services, business_id: str) -> None:
    """The night's look: tie out, compare some of all objects, tell what changed in closed books."""
    business = await _business(services, business_id)
    await services.of(business).sync.reconcile(actor=f"job:{RECONCILE}")
    await services.watch.look_at(business.id)


async def compare_qbo(services: Services, business_id: str) -> None:
    """Every object field by field; it goes on where it was cut off."""
    business = await _business(services, business_id)
    await services.of(business).sync.compare(actor=f"job:{COMPARE}")
    await services.watch.look_at(business.id)


async def watch_all(services: Services) -> None:
    """Raise and end the notices of every connected business."""
    await services.watch.look_at_all()


async def mail_notice(services: Services, business_id: str, notice_id: str) -> None:
    """Write to the business's owners of one notice, once."""
    await services.watch.write_letters(UUID(business_id), UUID(notice_id))


async def revoke_qbo(services: Services, business_id: str) -> None:
    """End at Intuit what was disconnected here, unless that is done or it was connected again."""
    await services.disconnecting.revoke(UUID(business_id))


async def send_mail(services: Services, mail_id: str) -> None:
    """Send one letter, unless it is sent."""
    await services.mail_room.send(UUID(mail_id))


JOBS = {
    BACKFILL_JOB: JobDefinition(queue="bulk", run=backfill_qbo),
    RESCAN: JobDefinition(queue="bulk", run=rescan_qbo),
    TIE_OUT: JobDefinition(queue="bulk", run=tie_out_qbo),
    COMPARE: JobDefinition(queue="bulk", run=compare_qbo),
    WATCH_JOB: JobDefinition(queue="sync", run=watch_all),
    NOTICE_MAIL_JOB: JobDefinition(queue="interactive", run=mail_notice),
    RECONCILE: JobDefinition(queue="bulk", run=reconcile_qbo),
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
