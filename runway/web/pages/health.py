"""How true the books are, and making them truer: read now, check against QuickBooks, try again what was given up."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from domains.core.permissions import Permission
from infra.errors import OodalooError
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.orchestrators.data_health import DataHealthReport
from runway.routes import drift, failed_jobs, sync_budget
from runway.web.clients import PREFIX, Client, ReadsBooks, SyncsBooks
from runway.web.forms import is_for_form
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render, render_client, wants_part
from runway.web.strings import _, keyed
from runway.web.views.health import cause_name, entity_name, kind_name, progress_view, run_name, worst_first

router = APIRouter(prefix=f"{PREFIX}/health", include_in_schema=False, route_class=PageRoute)

AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_NOW = FreshnessNeed(strategy=SyncStrategy.ON_DEMAND, max_age=timedelta(0))
_HERE = "health"
_WATCHED_FOR = timedelta(minutes=10)
_REPAIRED_SHOWN = 10
_NOTICES = {
    "connected": keyed("QuickBooks is connected. Its books are being read now."),
    "read": keyed("QuickBooks was asked for what changed."),
    "stale": keyed("QuickBooks did not answer in time. It goes on behind the scenes; this page shows when it lands."),
    "asked": keyed("The check is on its way. It shows here when it is done."),
    "retried": keyed("It is tried again, at once."),
    "confirmed": keyed("Taken as deleted. The next look, which is asked for, believes it."),
}
_WORDS: dict[str, Any] = {
    "entity_name": entity_name,
    "kind_name": kind_name,
    "cause_name": cause_name,
    "run_name": run_name,
}


def report_of(client: Client) -> DataHealthReport:
    services, process = client.services, client.process
    return DataHealthReport(
        client.business,
        today=client.today,
        bills=services.bills,
        invoices=services.invoices,
        cash=services.cash,
        uow=process.uow,
        connections=process.qbo_connections,
    )


@router.get("")
async def show_health(request: Request, client: ReadsBooks, since: str = "", notice: str = "") -> Response:
    report = report_of(client)
    asked_at = _read_instant(since, now=client.clock.now())
    if wants_part(request):
        progress = progress_view(await report.get_progress(), now=client.clock.now(), since=asked_at)
        if not progress.is_live:  # it has ended: the whole page tells what came of it
            headers = {"HX-Redirect": f"{client.path}/health", "Cache-Control": "no-store"}
            return Response(status_code=204, headers=headers)
        return render(request, "health/_progress.html", client=client, progress=progress, since=since, **_WORDS)
    fetched = await report.get(freshness=AT_ONCE)
    health = fetched.value
    return render_client(
        request,
        client,
        "health/page.html",
        here=_HERE,
        freshness=fetched.freshness,
        health=health,
        progress=progress_view(health.sync, now=client.clock.now(), since=asked_at),
        entities=worst_first(health),
        repaired=await _repaired(client),
        dead=await _dead(client),
        budget=(await sync_budget.get_sync_budget(client)).data,
        since=since,
        notice=_(_NOTICES[notice]) if notice in _NOTICES else None,
        **_WORDS,
    )


@router.post("/sync")
async def sync_now(client: SyncsBooks) -> Response:
    """What changed in QuickBooks, at once: it waits two seconds at most, as an API call does."""
    answer = await client.services.sync.get_books_mark(freshness=_NOW)
    return go_to(f"{client.path}/health?notice={'stale' if answer.freshness.stale else 'read'}")


@router.post("/check")
async def check_now(client: SyncsBooks) -> Response:
    """What each night does: counts, sums and a part of all objects, beside QuickBooks' own."""
    asked_at = client.clock.now()
    await drift.ask_for_reconciliation(client)
    return go_to(f"{client.path}/health?notice=asked&since={int(asked_at.timestamp())}")


@router.post("/compare")
async def compare_now(client: SyncsBooks) -> Response:
    asked_at = client.clock.now()
    await drift.ask_for_comparison(client, client.process)
    return go_to(f"{client.path}/health?notice=asked&since={int(asked_at.timestamp())}")


@router.post("/drift/{item_id}/confirm")
async def confirm_deletions(client: SyncsBooks, item_id: UUID) -> Response:
    await drift.confirm_deletions(client, client.process, item_id)
    return go_to(f"{client.path}/health?notice=confirmed")


@router.post("/failed/{job_id}/retry")
async def retry_failed(client: SyncsBooks, job_id: str) -> Response:
    try:
        await failed_jobs.retry_failed(client, client.process, job_id)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return go_to(f"{client.path}/health")  # somebody was quicker
    return go_to(f"{client.path}/health?notice=retried")


async def _repaired(client: Client) -> Sequence[Any]:
    asked = drift.AskedDrift(open=False, limit=_REPAIRED_SHOWN)
    return (await drift.list_drift(client, client.process, asked)).data


async def _dead(client: Client) -> Sequence[failed_jobs.FailedJobOut]:
    if not client.may(Permission.BOOKS_SYNC):
        return []
    return (await failed_jobs.list_failed(client, client.process)).data


def _read_instant(text: str, *, now: datetime) -> datetime | None:
    """When a check was asked for, in seconds; None for another text, and once nobody would wait for it any more."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(2**40)):
        return None
    asked_at = datetime.fromtimestamp(int(text), tz=UTC) if int(text) < 2**40 else now
    return asked_at if now - _WATCHED_FOR < asked_at <= now else None
