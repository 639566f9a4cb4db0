"""The week on one page, in the order of the ritual: every number is the one that the dashboard shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from infra.money import ZERO
from runway.calculators.ageing import AgedDocument
from runway.calculators.bridge import Bridge
from runway.calculators.cards import DueSoon, due_soon, owed_soon
from runway.calculators.draws import BandDay
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.forecast_runway import ForecastRunway
from runway.calculators.outlook import DatedFlow, PathDay, PathRow
from runway.calculators.working_capital import WorkingCapital

MOST_DECISIONS = 3
MOST_OVERDUE = 5
MOST_DUE = 12


@dataclass(frozen=True)
class DigestDecision:
    """One item of the tray. It is looked at and decided in the app, never in a mail.

    Attributes:
        item: the tray's key.
        why: in words, the most urgent first.
        days: what it does to the runway; `low_change` to the low point. None where money is not what it is about.
    """

    item: str
    priority: str
    what: str
    who: str | None
    amount: Figure | None
    due_on: date | None
    why: tuple[str, ...]
    days: Figure | None
    low_change: Figure | None


@dataclass(frozen=True)
class NamedDocument:
    """What the books call a bill or an invoice; `id` is ours."""

    id: UUID
    doc_number: str | None


@dataclass(frozen=True)
class DigestDue:
    """What is to be paid; `amount` positive. `document` is a bill's.

    `on`: when it is expected to be paid, which of something overdue is today; `overdue_since` is its own day.
    """

    on: date
    overdue_since: date | None
    what: str
    row: PathRow
    amount: Figure
    is_must_pay: bool
    document: NamedDocument | None


@dataclass(frozen=True)
class DigestOverdue:
    """An invoice past its day, before credits."""

    external_id: str
    customer_id: str
    customer: str
    due_on: date
    days_overdue: int
    amount: Figure
    document: NamedDocument | None


@dataclass(frozen=True)
class Digest:
    """Attributes:
    week_on: the Monday of `as_of`'s week.
    change: what changed since last week; None while no earlier forecast is kept, and then `no_change` says so.
    decisions: the top of the tray; `waiting` counts all of it.
    due, overdue: the dashboard's cards, and the documents behind them: the first so many of `..._in_all`.
    warnings: what to know of the books before believing a number.
    band, path: for the chart.
    """

    business_id: UUID
    business: str
    as_of: date
    week_on: date
    currency: str
    time_zone: str
    runway: ForecastRunway
    change: Bridge | None
    no_change: str | None
    cash: Figure
    floor: Figure
    net_burn: Figure
    gross_burn: Figure
    decisions: tuple[DigestDecision, ...]
    waiting: int
    due: DueSoon
    due_items: tuple[DigestDue, ...]
    due_in_all: int
    overdue: Figure
    dso: Figure
    overdue_items: tuple[DigestOverdue, ...]
    overdue_in_all: int
    warnings: tuple[str, ...]
    band: tuple[BandDay, ...]
    path: tuple[PathDay, ...]


@dataclass(frozen=True)
class DigestSources:
    """What is read beside the forecast. `bills`, `invoices`: by the rail's ids, those that the digest names."""

    business_id: UUID
    business: str
    time_zone: str
    change: Bridge | None
    decisions: Sequence[DigestDecision]
    waiting: int
    bills: Mapping[str, NamedDocument]
    invoices: Mapping[str, NamedDocument]
    warnings: Sequence[str]


_FIRST_WEEK = "There is no forecast of an earlier week to compare with yet."


def due_flows(forecast: Forecast) -> list[DatedFlow]:
    """What the card of the dashboard sums up, the soonest first, on one day must-pays and the largest first."""
    return sorted(
        owed_soon(forecast), key=lambda flow: (flow.on, not flow.is_must_pay, flow.amount, flow.row, flow.key)
    )


def overdue_invoices(forecast: Forecast) -> list[AgedDocument]:
    """The largest first."""
    late = [item for item in forecast.receivables.documents if item.days_overdue > 0 and item.document.open_amount > 0]
    return sorted(late, key=lambda item: (-item.document.open_amount, item.due_on, item.document.external_id))


def digest_of(forecast: Forecast, capital: WorkingCapital, sources: DigestSources, *, week_on: date) -> Digest:
    report, due, late = forecast.report, due_flows(forecast), overdue_invoices(forecast)
    return Digest(
        business_id=sources.business_id,
        business=sources.business,
        as_of=forecast.basis.as_of,
        week_on=week_on,
        currency=forecast.basis.currency,
        time_zone=sources.time_zone,
        runway=forecast.standing.runway,
        change=sources.change,
        no_change=None if sources.change is not None else _FIRST_WEEK,
        cash=report.cash.cash,
        floor=report.floor,
        net_burn=report.burn.net_daily,
        gross_burn=report.burn.gross_daily,
        decisions=tuple(sources.decisions),
        waiting=sources.waiting,
        due=due_soon(forecast),
        due_items=_due(forecast, due[:MOST_DUE], sources.bills),
        due_in_all=len(due),
        overdue=forecast.receivables.overdue,
        dso=capital.dso,
        overdue_items=_overdue(forecast, late[:MOST_OVERDUE], sources.invoices),
        overdue_in_all=len(late),
        warnings=tuple(sources.warnings),
        band=forecast.standing.band.days,
        path=forecast.path.days,
    )


def _due(forecast: Forecast, flows: Sequence[DatedFlow], bills: Mapping[str, NamedDocument]) -> tuple[DigestDue, ...]:
    vendors = {bill.external_id: bill.party_name for bill in forecast.bills.documents}
    payees = {series.key: series.payee for series in forecast.series}
    named = {PathRow.BILLS: vendors}
    days = {bill.external_id: bill.ages_from for bill in forecast.bills.documents}
    return tuple(
        DigestDue(
            on=flow.on,
            overdue_since=_overdue_since(flow, days, forecast.basis.as_of),
            what=named.get(flow.row, payees).get(flow.key, flow.key),
            row=flow.row,
            amount=_money(forecast, -flow.amount),
            is_must_pay=flow.is_must_pay,
            document=bills.get(flow.key) if flow.row is PathRow.BILLS else None,
        )
        for flow in flows
    )


def _overdue_since(flow: DatedFlow, days: Mapping[str, date], as_of: date) -> date | None:
    on = days.get(flow.key) if flow.row is PathRow.BILLS else None
    return on if on is not None and on < as_of else None


def _overdue(
    forecast: Forecast, items: Sequence[AgedDocument], invoices: Mapping[str, NamedDocument]
) -> tuple[DigestOverdue, ...]:
    return tuple(
        DigestOverdue(
            external_id=item.document.external_id,
            customer_id=item.document.party_id,
            customer=item.document.party_name,
            due_on=item.due_on,
            days_overdue=item.days_overdue,
            amount=_money(forecast, item.document.open_amount),
            document=invoices.get(item.document.external_id),
        )
        for item in items
    )


def _money(forecast: Forecast, amount: Decimal) -> Figure:
    return forecast.basis.figure(amount or ZERO, forecast.basis.currency, n=1, n_of="documents")
