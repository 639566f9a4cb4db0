"""`oodaloo sync BUSINESS`: the same runs that a worker makes, here and now, with a bar."""

import asyncio
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from domains.core.models import Business
from infra.clock import SystemClock
from infra.config import Rail
from infra.embedded.servers import servers
from infra.errors import InvalidInput
from infra.logging import configure_logging
from infra.qbo.reading import PullTally
from infra.qbo.reconciliation import Reconciled
from infra.qbo.whole_reading import BackfillElsewhere
from infra.sync import drift, runs, scans
from infra.sync.drift import DriftFilter
from infra.sync.freshness import SyncStrategy
from infra.sync.scans import ScanPurpose
from runway.registry import MIRROR_SPECS
from runway.schema import bring_to_head
from runway.services import Services
from runway.settings import Settings
from runway.wiring import open_services

_POLL_SECONDS = 0.2
_MOST_SHOWN = 20


async def run_sync(business_name_or_id: str) -> None:
    """Backfill what is not read yet, then bring all up to date; interrupted, the next call goes on.

    Raises:
        InvalidInput: no business of that name or id.
        DatabaseBehind, DatabaseOutOfReach: as `bring_to_head`.
        RailError: QuickBooks could not be read.
    """
    settings = Settings.from_environment()
    configure_logging(level="WARNING")
    with servers(settings.servers) as addresses:
        await asyncio.to_thread(bring_to_head, settings.servers, addresses)
        async with open_services(settings, addresses) as services:
            business = await find_business(services, business_name_or_id)
            tally = await _with_bar(services, business)
    Console(highlight=False).print(
        f"{business.name} is in step: {tally.seen:,} objects seen, {tally.changed:,} changed, {tally.calls} calls."
    )


async def run_compare(business_name_or_id: str) -> None:
    """Compare every object with QuickBooks; interrupted, the next call goes on. Everything that differs is printed.

    Raises:
        InvalidInput: no business of that name or id.
        DatabaseBehind, DatabaseOutOfReach: as `bring_to_head`.
        RailError: QuickBooks could not be read.
    """
    settings, began_at = Settings.from_environment(), SystemClock().now()
    configure_logging(level="WARNING")
    with servers(settings.servers) as addresses:
        await asyncio.to_thread(bring_to_head, settings.servers, addresses)
        async with open_services(settings, addresses) as services:
            business = await find_business(services, business_name_or_id)
            work = asyncio.create_task(services.of(business).sync.compare(actor="cli:compare"))
            await _show_scans(services, business, work=work)
            done = await work
            async with services.uow([business.id]) as uow:
                found = await drift.list_items(uow.session, business.id, DriftFilter(limit=done.objects))
    console = Console(highlight=False)
    for item in found:
        if item.found_at >= began_at:
            console.print(f"{item.entity} {item.external_id}: {item.kind}, {item.cause}, size {item.size or 0}")
    console.print(
        f"{business.name}: {done.objects:,} objects differed, {done.repaired:,} are repaired, {done.tally.calls} calls."
    )


async def _show_scans(services: Services, business: Business, *, work: asyncio.Task[Reconciled]) -> None:
    with Progress(
        TextColumn("Comparing"), BarColumn(), MofNCompleteColumn(), TextColumn("kinds, {task.fields[objects]:,} objects"),
        TimeElapsedColumn(),
    ) as progress:  # fmt: skip
        task = progress.add_task("", total=len(MIRROR_SPECS), objects=0)
        while not work.done():
            await asyncio.wait([work], timeout=_POLL_SECONDS)
            async with services.uow([business.id]) as uow:
                found = await scans.list_scans(uow.session, business.id, rail=Rail.QBO)
            compared = [scan for scan in found if scan.purpose == ScanPurpose.COMPARE.value]
            ended = sum(scan.walked_at is not None for scan in compared)
            progress.update(task, completed=ended, objects=sum(scan.seen for scan in compared))


async def find_business(services: Services, name_or_id: str) -> Business:
    """The one business of that name or id.

    Raises:
        InvalidInput: none, or several.
    """
    async with services.access_uow([]) as uow:
        found = await services.businesses.list_called(uow.session, name_or_id)
        shown = found or await services.businesses.list_businesses(uow.session, limit=_MOST_SHOWN)
    if len(found) != 1:
        raise InvalidInput(
            f"{len(found)} businesses are called {name_or_id!r}. "
            "Give the id of one:\n" + "\n".join(f"  {business.id}  {business.name}" for business in shown)
        )
    return found[0]


async def _with_bar(services: Services, business: Business) -> PullTally:
    with Progress(
        TextColumn("Reading the books"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("kinds, {task.fields[objects]:,} objects"),
        TimeElapsedColumn(),
    ) as progress:
        task = progress.add_task("", total=len(MIRROR_SPECS), objects=0)
        work = asyncio.create_task(_bring_up_to_date(services, business))
        while not work.done():
            await asyncio.wait([work], timeout=_POLL_SECONDS)
            done, objects = await _progress_of(services, business.id)
            progress.update(task, completed=done, objects=objects)
        return await work


async def _bring_up_to_date(services: Services, business: Business) -> PullTally:
    """Never beside a worker that does the same: its reading is waited for, and shown."""
    sync = services.of(business).sync
    while not await _is_read(services, business.id):
        try:
            return await sync.backfill_alone(actor="cli:sync")
        except BackfillElsewhere:
            await asyncio.sleep(_POLL_SECONDS)
    refreshed = await sync.bring_up_to_date(SyncStrategy.LIVE)
    async with services.uow([business.id]) as uow:
        (run,) = await runs.list_runs(uow.session, business.id, rail=Rail.QBO, limit=1)
    return PullTally(calls=refreshed.calls, seen=run.seen, changed=run.changed)


async def _is_read(services: Services, business_id: UUID) -> bool:
    async with services.uow([business_id]) as uow:
        states = await runs.list_states(uow.session, business_id, rail=Rail.QBO)
    return all(spec.entity in states and states[spec.entity].synced_through is not None for spec in MIRROR_SPECS)


async def _progress_of(services: Services, business_id: UUID) -> tuple[int, int]:
    async with services.uow([business_id]) as uow:
        states = (await runs.list_states(uow.session, business_id, rail=Rail.QBO)).values()
    return sum(state.synced_through is not None for state in states), sum(state.stored_objects for state in states)
