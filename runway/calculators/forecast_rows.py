"""The rows of the 13 weeks that no open document brings: what comes again, what is usual, what is not invoiced or billed yet, sales tax."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from domains.core.movements import CashAccount
from infra.money import ZERO
from runway.calculators.cash import is_undeposited
from runway.calculators.figures import Basis
from runway.calculators.flows import Flow, FlowKind
from runway.calculators.outflow_kinds import OutflowKind, PastOutflow, payee_key
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.party_credits import AfterCredits
from runway.calculators.recurring import Recurring, recurring_flows, tax_flow, unexplained
from runway.calculators.to_come import Settled, ToCome
from runway.calculators.unplanned import WeekdayProfile, weekday_profile

# Sales that are invoiced for more than this leave no pattern worth a row of their own.
MOSTLY_INVOICED = Decimal("0.9")
_BILL_PAYMENT, _RECEIPT = "BillPayment", "Receipt"
_SALES_RECEIPT = "SalesReceipt"
_FILING_DAY = 20


@dataclass(frozen=True)
class UsualRows:
    """Of one company: each row's flows, and what varies week by week."""

    flows: list[DatedFlow]
    residuals: dict[PathRow, tuple[Decimal, ...]]
    week_shares: dict[PathRow, tuple[Decimal, ...]]


def unplanned_profile(
    outflows: Sequence[PastOutflow], series: Sequence[Recurring], basis: Basis, *, history: int
) -> WeekdayProfile:
    """Bills are rows of their own, open and to come."""
    left = [item for item in unexplained(outflows, series) if item.source != _BILL_PAYMENT]
    return weekday_profile(((item.on, item.amount) for item in left), basis, history=history)


def uninvoiced_sales(
    flows: Sequence[Flow], accounts: Sequence[CashAccount], basis: Basis, *, history: int, is_wanted: bool | None
) -> WeekdayProfile | None:
    """None where (nearly) all sales are invoiced, or nobody wants the row."""
    clearing = {account.account_id for account in accounts if is_undeposited(account)}
    coming = [flow for flow in flows if flow.movement.amount > 0 and flow.movement.on < basis.as_of]
    sales = [flow for flow in coming if _is_uninvoiced_sale(flow, clearing)]
    recent = basis.as_of - timedelta(days=min(history, 91))
    invoiced = sum(
        (f.movement.amount for f in coming if f.movement.source == _RECEIPT and f.movement.on >= recent), ZERO
    )
    rest = sum((flow.movement.amount for flow in sales if flow.movement.on >= recent), ZERO)
    if is_wanted is None:
        is_wanted = rest > 0 and invoiced <= MOSTLY_INVOICED * (invoiced + rest)
    if not is_wanted:
        return None
    return weekday_profile(((flow.movement.on, flow.movement.amount) for flow in sales), basis, history=history)


def _is_uninvoiced_sale(flow: Flow, clearing: AbstractSet[str]) -> bool:
    """A sales receipt, wherever it went first; or money that came to the bank without a document of ours."""
    movement = flow.movement
    if movement.source == _SALES_RECEIPT:
        return flow.kind in {FlowKind.OPERATING, FlowKind.UNDEPOSITED}
    return (
        flow.is_operating
        and movement.source != _RECEIPT
        and movement.counter_account_id not in clearing
        and not movement.is_trade
    )


def apart_from(paid: Sequence[Settled], series: Sequence[Recurring]) -> list[Settled]:
    """Payees that come again have their own dates."""
    again = {key for item in series for key in item.payee_keys}
    return [item for item in paid if item.party_name is None or payee_key(item.party_name) not in again]


def usual_rows(
    unplanned: WeekdayProfile, sales: WeekdayProfile | None, collected: ToCome, paid: ToCome, basis: Basis
) -> UsualRows:
    usual = [(PathRow.UNPLANNED, unplanned, -1)] + ([(PathRow.UNINVOICED_SALES, sales, 1)] if sales else [])
    coming = [(PathRow.NOT_YET_INVOICED, collected, 1), (PathRow.NOT_YET_BILLED, paid, -1)]
    profiles: list[tuple[PathRow, WeekdayProfile | ToCome, int]] = [*usual, *coming]
    return UsualRows(
        flows=[flow for row, profile, sign in profiles for flow in profile.flows(row, as_of=basis.as_of, sign=sign)],
        residuals={row: profile.signed_residuals(sign) for row, profile, sign in profiles},
        week_shares={row: profile.week_shares for row, profile, _ in coming},
    )


def recurring_rows(
    series: Sequence[Recurring],
    bills: AfterCredits,
    basis: Basis,
    *,
    outflows: Sequence[PastOutflow],
    holidays: AbstractSet[date],
    late_by_habit: Mapping[str, int],
) -> list[DatedFlow]:
    """A rhythm is of the days on which was paid: a bill that the habit moves answers the occurrence of its later day."""
    billed = [
        (payee_key(bill.party_name), bill.ages_from + timedelta(days=late_by_habit.get(bill.external_id, 0)))
        for bill in bills.documents
        if bill.open_amount
    ]
    return recurring_flows(series, as_of=basis.as_of, open_bills=billed, booked=outflows, holidays=holidays)


def sales_tax(
    series: Sequence[Recurring], accounts: Sequence[CashAccount], basis: Basis, *, filing_on: date | None
) -> list[DatedFlow]:
    """What is owed now, on its filing date, unless remittances come in a rhythm of their own."""
    if any(item.kind is OutflowKind.SALES_TAX for item in series):
        return []
    owed = -sum((account.balance for account in accounts if _is_sales_tax(account)), ZERO)
    return tax_flow(owed, filing_on=filing_on or next_filing(basis.as_of))


def _is_sales_tax(account: CashAccount) -> bool:
    return account.account_type == "Other Current Liability" and account.account_subtype in {
        "SalesTaxPayable",
        "GlobalTaxPayable",
    }


def next_filing(as_of: date, *, day: int = _FILING_DAY) -> date:
    """The next such day of a month, T itself included; where a month is shorter, its last."""
    this = _in_month(as_of, day)
    return this if as_of <= this else _in_month(_month_after(as_of), day)


def _in_month(day_in: date, day: int) -> date:
    last = _month_after(day_in) - timedelta(days=1)
    return last.replace(day=min(day, last.day))


def _month_after(day_in: date) -> date:
    return (day_in.replace(day=1) + timedelta(days=32)).replace(day=1)
