"""What is expected to move cash, as dated flows; and the path they make: opening plus flows, day by day."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from infra.money import ZERO
from runway.calculators.ageing import OpenDocument
from runway.calculators.banking_days import next_after
from runway.calculators.expected_dates import ExpectedReceipt

HORIZON_DAYS = 91
WEEKS = 13
_DAYS_A_WEEK = 7


class PathRow(StrEnum):
    """The rows of the week table, inflows first."""

    INVOICES = "invoices"
    UNDEPOSITED = "undeposited"
    UNINVOICED_SALES = "uninvoiced_sales"
    NOT_YET_INVOICED = "not_yet_invoiced"
    OTHER_IN = "other_in"
    BILLS = "bills"
    NOT_YET_BILLED = "not_yet_billed"
    PAYROLL = "payroll"
    TAX = "tax"
    RECURRING = "recurring"
    UNPLANNED = "unplanned"
    OTHER_OUT = "other_out"


_OWED = frozenset({PathRow.BILLS, PathRow.PAYROLL, PathRow.TAX, PathRow.RECURRING, PathRow.OTHER_OUT})


@dataclass(frozen=True)
class DatedFlow:
    """Attributes:
    on: a day before T counts on T, when it can still happen.
    amount: home currency; positive comes in, negative goes out.
    key: what it is in its row: a document's id, a payee, a weekday.
    """

    on: date
    amount: Decimal
    row: PathRow
    key: str
    party_id: str | None = None
    is_must_pay: bool = False


@dataclass(frozen=True)
class PathDay:
    """One closed day; `outflow` zero or negative."""

    on: date
    inflow: Decimal
    outflow: Decimal
    closing: Decimal


@dataclass(frozen=True)
class PathWeek:
    """Seven days after T (the first holds T too). `rows` holds what is not zero; closing = opening + its sum."""

    starts_on: date
    ends_on: date
    opening: Decimal
    rows: dict[PathRow, Decimal]
    closing: Decimal
    low: Decimal


@dataclass(frozen=True)
class CashPath:
    """Attributes:
    days: T and the 91 days after it; T's closing holds what is due today.
    flows: inside the horizon, in order of day, row and key.
    """

    as_of: date
    opening: Decimal
    days: tuple[PathDay, ...]
    flows: tuple[DatedFlow, ...]

    @property
    def low(self) -> PathDay:
        """The lowest close, the first of equals."""
        return min(self.days, key=lambda day: (day.closing, day.on))

    def weeks(self) -> tuple[PathWeek, ...]:
        return self._weeks

    @cached_property
    def _weeks(self) -> tuple[PathWeek, ...]:
        return tuple(self._week(index) for index in range(WEEKS))

    @cached_property
    def owed(self) -> tuple[DatedFlow, ...]:
        """What is to be paid on a date of its own, in order of it; the rest of what goes out is an estimate of what is usual."""
        return tuple(flow for flow in self.flows if flow.row in _OWED and flow.amount < 0)

    def owed_until(self, day: date) -> tuple[DatedFlow, ...]:
        """Of `owed`, what is to be paid by then."""
        return self.owed[: bisect_right(self.owed, day, key=_day_of)]

    def _week(self, index: int) -> PathWeek:
        first, last = index * _DAYS_A_WEEK + (index > 0), (index + 1) * _DAYS_A_WEEK
        days = self.days[first : last + 1]
        rows: dict[PathRow, Decimal] = defaultdict(lambda: ZERO)
        # A large company has tens of thousands of flows: they are in order of day, so a week is a slice of them.
        begins = bisect_left(self.flows, days[0].on, key=_day_of)
        for flow in self.flows[begins : bisect_right(self.flows, days[-1].on, key=_day_of)]:
            rows[flow.row] += flow.amount
        opening = self.days[first - 1].closing if first else self.opening
        listed = {row: rows[row] for row in PathRow if rows.get(row)}
        return PathWeek(days[0].on, days[-1].on, opening, listed, days[-1].closing, min(day.closing for day in days))


def _day_of(flow: DatedFlow) -> date:
    return flow.on


def inside(flows: Iterable[DatedFlow], as_of: date) -> list[DatedFlow]:
    """Those of the horizon, what is overdue moved to T, in an order that does not depend on the order given."""
    last = as_of + timedelta(days=HORIZON_DAYS)
    moved = [flow if flow.on >= as_of else replace(flow, on=as_of) for flow in flows if flow.on <= last and flow.amount]
    return sorted(moved, key=lambda flow: (flow.on, flow.row, flow.key, flow.amount, flow.party_id or ""))


def cash_path(opening: Decimal, flows: Iterable[DatedFlow], *, as_of: date) -> CashPath:
    """The expected path, whose every cent comes from a flow listed. The band around it is `draws`' business."""
    counted = inside(flows, as_of)
    inflow: dict[date, Decimal] = defaultdict(lambda: ZERO)
    outflow: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for flow in counted:
        (inflow if flow.amount > 0 else outflow)[flow.on] += flow.amount
    closing, days = opening, []
    for ahead in range(HORIZON_DAYS + 1):
        on = as_of + timedelta(days=ahead)
        closing += inflow[on] + outflow[on]
        days.append(PathDay(on, inflow[on], outflow[on], closing))
    return CashPath(as_of, opening, tuple(days), tuple(counted))


def receipt_flows(receipts: Iterable[ExpectedReceipt]) -> list[DatedFlow]:
    """A fifth of each invoice on each of its five dates: a single date would be optimistic, for late tails are long."""
    return [
        DatedFlow(on, amount, PathRow.INVOICES, receipt.external_id, receipt.customer_id)
        for receipt in receipts
        for on, amount in receipt.spread()
        if amount
    ]


def bill_flows(
    bills: Sequence[OpenDocument],
    *,
    as_of: date,
    scheduled: Mapping[str, date] | None = None,
    must_pay: frozenset[str] = frozenset(),
    late_by_habit: Mapping[str, int] | None = None,
) -> list[DatedFlow]:
    """A plan, not a habit, drives what we owe: the scheduled or approved date, else the due date, else today.

    Only a business that wants it has the days after the due date that its vendors usually wait.

    Args:
        bills: after vendor credits.
        as_of: what should have been paid before is paid today.
        scheduled: external id → the day it is to be paid.
        must_pay: external ids.
        late_by_habit: external id → days after the due date, as `vendor_habit` tells.
    """
    dates, late = scheduled or {}, late_by_habit or {}
    return [
        DatedFlow(
            max(dates.get(bill.external_id, _moved(bill, late)), as_of),
            -bill.open_amount,
            PathRow.BILLS,
            bill.external_id,
            bill.party_id,
            is_must_pay=bill.external_id in must_pay,
        )
        for bill in bills
        if bill.open_amount
    ]


def _moved(bill: OpenDocument, late_by_habit: Mapping[str, int]) -> date:
    days = late_by_habit.get(bill.external_id)
    return bill.ages_from if days is None else bill.ages_from + timedelta(days=days)


def undeposited_flow(amount: Decimal, *, as_of: date) -> list[DatedFlow]:
    """Received but not banked: in on the next banking day."""
    return [DatedFlow(next_after(as_of), amount, PathRow.UNDEPOSITED, "undeposited")] if amount else []
