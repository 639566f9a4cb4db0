"""The digest of one business: the dashboard's forecast, the tray's first items, and the names of a few documents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from domains.core.models import Business
from infra.sync.freshness import AS_IT_STANDS, Fetched, Freshness, FreshnessNeed
from runway.calculators.digest import (
    MOST_DECISIONS,
    MOST_DUE,
    MOST_OVERDUE,
    Digest,
    DigestDecision,
    DigestSources,
    NamedDocument,
    digest_of,
    due_flows,
    overdue_invoices,
)
from runway.calculators.figures import Basis
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import PathRow
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService
from runway.orchestrators.what_changed import WhatChanged


@dataclass(frozen=True)
class DigestDataOrchestrator:
    business: Business
    outlook: Outlook
    what_changed: WhatChanged
    tray: TrayService
    bills: BillService
    invoices: InvoiceService

    async def get(self, *, freshness: FreshnessNeed) -> Fetched[Digest]:
        """Of the company's today.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        fetched = await self.outlook.get_with_capital(freshness=freshness)
        forecast = fetched.value.forecast
        entries = await self.tray.list_entries([TrayBook(self.business, forecast.basis.as_of, forecast)])
        waiting = [entry for entry in entries if not entry.is_set_aside]
        owed = [flow.key for flow in due_flows(forecast)[:MOST_DUE] if flow.row is PathRow.BILLS]
        late = [item.document.external_id for item in overdue_invoices(forecast)[:MOST_OVERDUE]]
        bills = await self.bills.get_bills_for_digest(owed, freshness=AS_IT_STANDS)
        invoices = await self.invoices.get_invoices_for_digest(late, freshness=AS_IT_STANDS)
        sources = DigestSources(
            business_id=self.business.id,
            business=self.business.name,
            time_zone=self.business.time_zone,
            change=await self.what_changed.since_last_week(forecast),
            decisions=[_decision(entry, forecast.basis) for entry in waiting[:MOST_DECISIONS]],
            waiting=len(waiting),
            bills=_named(bills.value),
            invoices=_named(invoices.value),
            warnings=list(_warnings(forecast, fetched.freshness)),
        )
        made = digest_of(forecast, fetched.value.capital, sources, week_on=monday_of(forecast.basis.as_of))
        return Fetched(made, fetched.freshness)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _decision(entry: TrayEntry, basis: Basis) -> DigestDecision:
    row = entry.row
    amount = basis.figure(row.item.amount, basis.currency, n=1, n_of="items") if row.item.amount else None
    return DigestDecision(
        item=row.item.key,
        priority=entry.priority.name,
        what=row.what.words,
        who=row.who,
        amount=amount,
        due_on=row.item.due_on,
        why=tuple(chip.words for chip in row.chips),
        days=row.impact.days if row.impact else None,
        low_change=row.impact.low_change if row.impact else None,
    )


def _named(documents: Sequence[Any]) -> dict[str, NamedDocument]:
    return {one.external_id: NamedDocument(one.id, one.doc_number) for one in documents}


def _warnings(forecast: Forecast, books: Freshness) -> Iterable[str]:
    """How old, how true and how whole the books are, in this order."""
    report = forecast.report
    if report.books.display:
        yield f"The books are {report.books.display}."
    elif books.stale and books.reason:
        yield f"The books may be behind: {books.reason}."
    if books.open_drift:
        yield f"Differences from QuickBooks that are not repaired: {books.open_drift}."
    if books.quarantined:
        yield f"Objects of QuickBooks that cannot be read: {books.quarantined}."
    assumed = forecast.receivables.assumed_due.n + forecast.payables.assumed_due.n
    if assumed:
        yield f"Open documents without a due date, aged from their own: {assumed}."
    for flag in report.flags:
        # The age of the books has been told above.
        if flag != report.books.display:
            yield flag[:1].upper() + flag[1:] + ("" if flag.endswith(".") else ".")
