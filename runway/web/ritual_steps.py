"""What each step of the ritual shows: the same reads that the pages of its matter make."""

from typing import Any, assert_never

from domains.core.documents import DocumentFilter, StatusFilter
from domains.core.ritual import RitualStep
from infra.sync import drift
from infra.sync.drift import DriftFilter
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators.cards import SOON_DAYS
from runway.calculators.ritual_snapshot import seen_in_ritual
from runway.orchestrators.receivables_table import ReceivablesTable
from runway.orchestrators.ritual import RitualView
from runway.web.acting import progress_of
from runway.web.charts.balance import balance_chart
from runway.web.clients import Client
from runway.web.pages.payables import payables_of
from runway.web.views.changes import ChangesView, changes_view
from runway.web.views.cockpit import NARROW, WIDE, balance_of
from runway.web.views.payables import bill_view
from runway.web.views.receivables import invoice_view
from runway.web.views.ritual import seen

_MOST_DRIFT = 10


async def step_values(client: Client, step: RitualStep, fetched: Fetched[RitualView]) -> dict[str, Any]:
    """For the step's template; everything is read as it stands, for the ritual's own read has settled the freshness."""
    match step:
        case RitualStep.BOOKS:
            wanted = DriftFilter(is_open=True, limit=_MOST_DRIFT)
            async with client.process.uow([client.business.id]) as uow:
                found = await drift.list_items(uow.session, client.business.id, wanted)
            return {"freshness_told": fetched.freshness, "differences": found}
        case RitualStep.DUE:
            return await due_rows(client, freshness=AS_IT_STANDS)
        case RitualStep.OVERDUE:
            return await overdue_rows(client, freshness=AS_IT_STANDS)
        case RitualStep.CHANGES:
            return {"changes": await _changes(client, fetched.value)}
        case RitualStep.LOW_POINT:
            return {"charts": _path(fetched.value)}
        case RitualStep.SUMMARY:
            return {"now": seen(seen_in_ritual(fetched.value.material.forecast)) if fetched.value.material else None}
        case _:
            assert_never(step)


async def _changes(client: Client, view: RitualView) -> ChangesView | None:
    if view.material is None:
        return None
    found = await client.services.what_changed.since_last_week(view.material.forecast)
    return None if found is None else changes_view(found, currency=client.home_currency)


def _path(view: RitualView) -> list[tuple[str, str]]:
    """The balance line, for wide screens and for narrow ones; none where cash is not known."""
    if view.material is None or view.material.forecast.report.cash.cash.value is None:
        return []
    balance = balance_of(view.material.forecast)
    return [
        (balance_chart("balance-wide", balance, width=WIDE), balance_chart("balance-narrow", balance, width=NARROW))
    ]


async def due_rows(client: Client, *, freshness: FreshnessNeed) -> dict[str, Any]:
    wanted = DocumentFilter(today=client.today, status=StatusFilter.OPEN, due_within_days=SOON_DAYS)
    page = (await payables_of(client).get(wanted, freshness=freshness)).value
    return {
        "rows": [bill_view(row, client) for row in page.rows],
        "progress": {row.bill["id"]: progress_of(client, row.payment) for row in page.rows if row.payment},
        "has_more": page.next_cursor is not None,
    }


async def overdue_rows(client: Client, *, freshness: FreshnessNeed) -> dict[str, Any]:
    wanted = DocumentFilter(today=client.today, status=StatusFilter.OVERDUE)
    services = client.services
    table = ReceivablesTable(services.invoices, services.reminding, services.outlook, client.process.uow, client.today)
    page = (await table.get(wanted, freshness=freshness)).value
    return {
        "rows": [invoice_view(row, client) for row in page.rows],
        "progress": {row.invoice["id"]: progress_of(client, row.action) for row in page.rows if row.action},
        "has_more": page.next_cursor is not None,
    }
