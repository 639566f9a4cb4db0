"""Job name → function, and what they are run with. A job takes ids as strings and is safe to run twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from domains.ar.reminder_queries import list_switched_on
from domains.core.digests import list_switched_on as list_with_digest
from domains.core.models import Business
from infra.actions.sweeping import sweep
from infra.actions.workshop import SWEEP_JOB, WORK_JOB
from infra.embedded.servers import servers
from infra.garbage import long_lived
from infra.jobs import outbox
from infra.jobs.cron import CronEntry
from infra.jobs.execution import JobDefinition
from infra.jobs.outbox import ClaimedJob
from infra.jobs.serving import Workplace
from infra.mail.post import MAIL_JOB
from infra.qbo.asked_jobs import COMPARE, RECONCILE, RECONCILE_ACTION, RESCAN, TIE_OUT, touched_of
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.orchestrators.connect_qbo import BACKFILL_JOB
from runway.orchestrators.digest_sending import DIGEST_JOB
from runway.orchestrators.disconnect_qbo import REVOKE_JOB
from runway.orchestrators.forecast_jobs import KEEP_FORECAST_JOB, KEEP_FORECAST_QUEUE
from runway.orchestrators.qbo_webhooks import WEBHOOKS_JOB, WEBHOOKS_QUEUE
from runway.orchestrators.watch import NOTICE_MAIL_JOB, WATCH_JOB
from runway.services import Services
from runway.settings import Settings
from runway.wiring import open_services

SYNC_DUE_JOB, NIGHTLY_JOB, HOUSEKEEPING_JOB = "sync.due", "sync.nightly", "housekeeping"
MONDAY_JOB, FREEZE_JOB = "forecast.monday", "forecast.freeze"
REMIND_ALL_JOB, REMIND_JOB = "collections.begin", "collections.run"
DAYS_JOB, DIGESTS_JOB = "forecast.days", "digest.begin"
_NIGHT_LASTS = timedelta(hours=3)
_SCHEDULED = FreshnessNeed(strategy=SyncStrategy.SCHEDULED)
# An action has its own lease and fence: a dead worker's row need not keep the next one from looking.
_ACTIONS_LEASE = timedelta(seconds=15)
_FORGOTTEN_AFTER = timedelta(seconds=10)
# What was announced is in the mirror within a minute, also when the worker at it is killed: this, the refresh's lease, the work itself.
_WEBHOOKS_LEASE = timedelta(seconds=12)


async def backfill_qbo(services: Services, business_id: str) -> None:
    """Read a company's books for the first time, or go on where that was cut off."""
    business = await _business(services, business_id)
    await services.of(business).sync.backfill_alone(actor=f"job:{BACKFILL_JOB}")


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


async def reconcile_action_qbo(services: Services, business_id: str, *objects: str) -> None:
    """Compare what an action touched with QuickBooks, once the dust has settled: repaired, and told as drift."""
    sync = await services.sync_of(UUID(business_id))
    await sync.reconcile_action(touched_of(objects), actor=f"job:{RECONCILE_ACTION}")


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


async def work_off_webhooks(services: Services, realm_id: str) -> None:
    """Bring in what Intuit announced of one company."""
    await services.qbo_webhooks.work_off(realm_id, sync_of=services.sync_of)


async def sync_due(services: Services) -> None:
    """Sync every business whose time has come, for some seconds; what is left is the next job's, asked for here."""
    due = services.due_syncs
    await due.ask_for_lost_backfills()
    if await due.run():
        async with services.jobs_uow([]) as uow:
            # While this one runs it is marked to run again behind itself.
            uow.ring_for(await outbox.ask_once(uow.session, SYNC_DUE_JOB, key="cron", queue="sync"))


async def begin_night(services: Services) -> None:
    """Ask for each business's reconciliation, one after the other through the night; not while the month's calls run out."""
    if not await services.qbo_rail.budget.allows_checks():
        return
    async with services.jobs_uow([]) as uow:
        connections = await services.qbo_connections.list_active(uow.session)
        for number, connection in enumerate(connections):
            ring = await outbox.ask_once(
                uow.session,
                RECONCILE,
                str(connection.business_id),
                key="nightly",
                queue=JOBS[RECONCILE].queue,
                business_id=connection.business_id,
                after=_NIGHT_LASTS * number / len(connections),
            )
            uow.ring_for(ring)


async def begin_monday(services: Services) -> None:
    """Ask for each business's frozen forecast."""
    async with services.jobs_uow([]) as uow:
        for connection in await services.qbo_connections.list_active(uow.session):
            business_id = connection.business_id
            queue = JOBS[FREEZE_JOB].queue
            asked = await outbox.ask_once(
                uow.session, FREEZE_JOB, str(business_id), key="monday", queue=queue, business_id=business_id
            )
            uow.ring_for(asked)


async def freeze_forecast(services: Services, business_id: str) -> None:
    """Freeze this Monday's forecast, and judge the weeks that have passed of those before."""
    of = services.of(await _business(services, business_id))
    await of.forecast_accuracy.freeze((await of.outlook.get(freshness=_SCHEDULED)).value)
    await of.forecast_accuracy.judge()


async def work_action(services: Services, business_id: str, intent_id: str) -> None:
    """Take the next step of one action on a rail's books."""
    await services.actions.work(UUID(business_id), UUID(intent_id))


async def sweep_actions(services: Services) -> None:
    """Ask for the steps of actions that are due and forgotten."""
    await sweep(services.jobs_uow, grace=_FORGOTTEN_AFTER)


async def begin_reminding(services: Services) -> None:
    """Ask for the reminders of each business that has them switched on; each knows its own hours."""
    async with services.jobs_uow([]) as uow:
        for business_id in await list_switched_on(uow.session):
            ring = await outbox.ask_once(
                uow.session,
                REMIND_JOB,
                str(business_id),
                key="hourly",
                queue=JOBS[REMIND_JOB].queue,
                business_id=business_id,
            )
            uow.ring_for(ring)


async def remind(services: Services, business_id: str) -> None:
    """One business's reminders of the day, unless it is not the time for them."""
    business = await _business(services, business_id)
    await services.of(business).reminding.run_of_the_day()


async def begin_digests(services: Services) -> None:
    """Ask for the weekly digest of each business that has it switched on and whose hour has come."""
    async with services.jobs_uow([]) as uow:
        switched_on = await list_with_digest(uow.session)
    for business_id in switched_on:
        await services.digest_sending(await _business(services, str(business_id))).ask_of_the_week()


async def send_digest(services: Services, business_id: str, ask_id: str) -> None:
    """One business's digest to its people, once each and week."""
    await services.digest_sending(await _business(services, business_id)).send(UUID(ask_id))


async def keep_forecast(services: Services, business_id: str) -> None:
    """Work out the forecast of books that changed, or of a day that began, before somebody asks; and count its tray."""
    business = await _business(services, business_id)
    kept = await services.of(business).outlook.keep()
    await services.tray_counter.keep(business, kept.worked.forecast, mark=str(kept.mark))


async def begin_days(services: Services) -> None:
    """Ask for the forecasts of companies whose day has begun."""
    await services.forecast_jobs.begin_days()


async def keep_house(services: Services) -> None:
    """Rows that have done their work go."""
    await services.housekeeping.tidy()


JOBS = {
    BACKFILL_JOB: JobDefinition(queue="bulk", run=backfill_qbo, beside_others=3),
    RESCAN: JobDefinition(queue="bulk", run=rescan_qbo, beside_others=2),
    TIE_OUT: JobDefinition(queue="bulk", run=tie_out_qbo, beside_others=2),
    RECONCILE_ACTION: JobDefinition(queue="sync", run=reconcile_action_qbo, beside_others=8),
    COMPARE: JobDefinition(queue="bulk", run=compare_qbo, beside_others=2),
    WATCH_JOB: JobDefinition(queue="sync", run=watch_all, beside_others=1),
    NOTICE_MAIL_JOB: JobDefinition(queue="interactive", run=mail_notice),
    RECONCILE: JobDefinition(queue="bulk", run=reconcile_qbo, beside_others=2),
    REVOKE_JOB: JobDefinition(queue="sync", run=revoke_qbo, beside_others=1),
    MAIL_JOB: JobDefinition(queue="interactive", run=send_mail),
    WEBHOOKS_JOB: JobDefinition(queue=WEBHOOKS_QUEUE, run=work_off_webhooks, beside_others=16, lease=_WEBHOOKS_LEASE),
    SYNC_DUE_JOB: JobDefinition(queue="sync", run=sync_due, beside_others=1),
    NIGHTLY_JOB: JobDefinition(queue="bulk", run=begin_night),
    WORK_JOB: JobDefinition(queue="actions", run=work_action, beside_others=32, lease=_ACTIONS_LEASE),
    SWEEP_JOB: JobDefinition(queue="actions", run=sweep_actions, beside_others=1, lease=_ACTIONS_LEASE),
    REMIND_ALL_JOB: JobDefinition(queue="bulk", run=begin_reminding, beside_others=1),
    REMIND_JOB: JobDefinition(queue="bulk", run=remind, beside_others=2),
    KEEP_FORECAST_JOB: JobDefinition(queue=KEEP_FORECAST_QUEUE, run=keep_forecast, beside_others=2),
    DIGESTS_JOB: JobDefinition(queue="bulk", run=begin_digests, beside_others=1),
    DIGEST_JOB: JobDefinition(queue="bulk", run=send_digest, beside_others=2),
    DAYS_JOB: JobDefinition(queue="sync", run=begin_days, beside_others=1),
    HOUSEKEEPING_JOB: JobDefinition(queue="bulk", run=keep_house, beside_others=1),
    MONDAY_JOB: JobDefinition(queue="bulk", run=begin_monday),
    FREEZE_JOB: JobDefinition(queue="bulk", run=freeze_forecast, beside_others=2),
}
# By the database's clock, in UTC. At 08:15 it is night all over the United States.
CRON = (
    CronEntry(SYNC_DUE_JOB, JOBS[SYNC_DUE_JOB].queue, every=timedelta(seconds=15)),
    CronEntry(WATCH_JOB, JOBS[WATCH_JOB].queue, every=timedelta(minutes=1)),
    CronEntry(SWEEP_JOB, JOBS[SWEEP_JOB].queue, every=timedelta(seconds=30)),
    CronEntry(REMIND_ALL_JOB, JOBS[REMIND_ALL_JOB].queue, cron="5 * * * *"),
    # Each business has its own hour.
    CronEntry(DIGESTS_JOB, JOBS[DIGESTS_JOB].queue, cron="2 * * * *"),
    CronEntry(DAYS_JOB, JOBS[DAYS_JOB].queue, every=timedelta(minutes=5)),
    CronEntry(HOUSEKEEPING_JOB, JOBS[HOUSEKEEPING_JOB].queue, cron="40 7 * * *"),
    # Monday nearly everywhere: half past midnight in Honolulu, half past eleven at night in Auckland.
    CronEntry(MONDAY_JOB, JOBS[MONDAY_JOB].queue, cron="30 10 * * 1"),
    CronEntry(NIGHTLY_JOB, JOBS[NIGHTLY_JOB].queue, cron="15 8 * * *"),
)


@asynccontextmanager
async def open_workplace() -> AsyncIterator[Workplace]:
    """What the jobs of a queue worker's process share, from its first to its last."""
    settings = Settings.from_environment()
    with servers(settings.servers) as addresses:
        async with open_services(settings, addresses) as services:

            async def tell(dead: ClaimedJob, _error: str) -> None:
                if dead.business_id is not None:
                    await services.watch.look_at(dead.business_id)

            with long_lived():
                yield Workplace(jobs=JOBS, context=services, uow=services.jobs_uow, on_dead=tell)
