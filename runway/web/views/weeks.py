"""The 13 weeks as a bookkeeper reads them: six groups of rows a week, and what each of their cells is made of."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from infra.money import ZERO
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow, PathRow, PathWeek
from runway.web.strings import _, keyed

_MOST_DOCUMENTS = 200


class Group(StrEnum):
    """The table's columns between opening and closing. Its values are in addresses."""

    INVOICES = "invoices"
    OTHER_IN = "other-in"
    BILLS = "bills"
    PAYROLL = "payroll"
    TAX = "tax"
    OTHER_OUT = "other-out"


LABELS = {
    Group.INVOICES: keyed("Invoices"),
    Group.OTHER_IN: keyed("Other in"),
    Group.BILLS: keyed("Bills"),
    Group.PAYROLL: keyed("Payroll"),
    Group.TAX: keyed("Tax"),
    Group.OTHER_OUT: keyed("Other out"),
}
INFLOW = frozenset({Group.INVOICES, Group.OTHER_IN})
ROWS = {
    Group.INVOICES: (PathRow.INVOICES, PathRow.UNDEPOSITED, PathRow.NOT_YET_INVOICED),
    Group.OTHER_IN: (PathRow.UNINVOICED_SALES, PathRow.OTHER_IN),
    Group.BILLS: (PathRow.BILLS, PathRow.NOT_YET_BILLED),
    Group.PAYROLL: (PathRow.PAYROLL,),
    Group.TAX: (PathRow.TAX,),
    Group.OTHER_OUT: (PathRow.RECURRING, PathRow.UNPLANNED, PathRow.OTHER_OUT),
}
_WHAT = {
    PathRow.INVOICES: keyed("Open invoice"),
    PathRow.UNDEPOSITED: keyed("Received, not banked yet"),
    PathRow.NOT_YET_INVOICED: keyed("Sales not invoiced yet, as is usual"),
    PathRow.UNINVOICED_SALES: keyed("Sales without invoice, as is usual"),
    PathRow.OTHER_IN: keyed("Other money in"),
    PathRow.BILLS: keyed("Bill"),
    PathRow.NOT_YET_BILLED: keyed("Costs not billed yet, as is usual"),
    PathRow.PAYROLL: keyed("Payroll"),
    PathRow.TAX: keyed("Tax"),
    PathRow.RECURRING: keyed("Comes again"),
    PathRow.UNPLANNED: keyed("Unplanned, as is usual"),
    PathRow.OTHER_OUT: keyed("Other money out"),
}


@dataclass(frozen=True)
class CellView:
    """`amount` None: nothing moves, and there is nothing to open."""

    group: Group
    amount: Decimal | None


@dataclass(frozen=True)
class WeekView:
    """`p10`, `p50`, `p90` of its last day; `is_under`: its lowest day is below the floor. Balances are None while cash is not known."""

    starts_on: date
    ends_on: date
    opening: Decimal | None
    cells: Sequence[CellView]
    closing: Decimal | None
    low: Decimal | None
    p10: Decimal | None
    p50: Decimal | None
    p90: Decimal | None
    is_under: bool


@dataclass(frozen=True)
class DocumentView:
    """`name`: the party, where it is a document's."""

    on: date
    what: str
    name: str | None
    amount: Decimal
    is_must_pay: bool


@dataclass(frozen=True)
class CellDocuments:
    """What one cell is made of, the largest first. `left_out` counts those that are not listed; `total` is of all."""

    title: str
    starts_on: date
    ends_on: date
    documents: Sequence[DocumentView]
    left_out: int
    total: Decimal
    currency: str


def weeks_view(forecast: Forecast) -> list[WeekView]:
    band = {day.on: day for day in forecast.standing.band.days}
    floor, is_known = forecast.report.floor.value, forecast.report.cash.cash.value is not None
    return [
        WeekView(
            starts_on=week.starts_on,
            ends_on=week.ends_on,
            opening=week.opening if is_known else None,
            cells=[CellView(group, sum_of(week, group)) for group in Group],
            closing=week.closing if is_known else None,
            low=week.low if is_known else None,
            p10=band[week.ends_on].p10 if is_known else None,
            p50=band[week.ends_on].p50 if is_known else None,
            p90=band[week.ends_on].p90 if is_known else None,
            is_under=is_known and floor is not None and week.low < floor,
        )
        for week in forecast.path.weeks()
    ]


def sum_of(week: PathWeek, group: Group) -> Decimal | None:
    found = [week.rows[row] for row in ROWS[group] if row in week.rows]
    return sum(found, ZERO) if found else None


def cell_documents(forecast: Forecast, starts_on: date, group: Group) -> CellDocuments | None:
    """None where no week of the forecast starts on that day."""
    week = next((one for one in forecast.path.weeks() if one.starts_on == starts_on), None)
    if week is None:
        return None
    listed = _documents(forecast, week, group)
    listed.sort(key=lambda one: (-abs(one.amount), one.on, one.name or ""))
    return CellDocuments(
        title=_(LABELS[group]),
        starts_on=week.starts_on,
        ends_on=week.ends_on,
        documents=listed[:_MOST_DOCUMENTS],
        left_out=max(0, len(listed) - _MOST_DOCUMENTS),
        total=sum_of(week, group) or ZERO,
        currency=forecast.basis.currency,
    )


def _documents(forecast: Forecast, week: PathWeek, group: Group) -> list[DocumentView]:
    """One line a document: of an invoice that may come on several days of the week, the sum on the first."""
    names = {one.external_id: one.party_name for one in forecast.parts.open_invoices} | {
        f"b{one.external_id}": one.party_name for one in forecast.parts.open_bills
    }
    parts: dict[tuple[PathRow, str], list[DatedFlow]] = defaultdict(list)
    for flow in forecast.path.flows:
        if week.starts_on <= flow.on <= week.ends_on and flow.row in ROWS[group]:
            parts[flow.row, flow.key].append(flow)
    return [
        DocumentView(
            on=flows[0].on,
            what=_(_WHAT[row]),
            name=_name(row, key, names),
            amount=sum((flow.amount for flow in flows), ZERO),
            is_must_pay=any(flow.is_must_pay for flow in flows),
        )
        for (row, key), flows in parts.items()
    ]


def _name(row: PathRow, key: str, names: dict[str, str]) -> str | None:
    match row:
        case PathRow.INVOICES:
            return names.get(key)
        case PathRow.BILLS:
            return names.get(f"b{key}")
        case PathRow.PAYROLL | PathRow.TAX | PathRow.RECURRING:
            return key
        case _:
            return None


def past_weeks(today: date, *, count: int) -> list[tuple[date, date]]:
    """The complete weeks of seven days that end the day before T, oldest first: (first, last)."""
    return [(today - timedelta(days=7 * ago), today - timedelta(days=7 * ago - 6)) for ago in range(count, 0, -1)]
