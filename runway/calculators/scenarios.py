"""Ready-made questions: a late customer, a lost one, a hire, what can wait. Each is a decision to be previewed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.banking_days import on_or_after, on_or_before
from runway.calculators.consequence import Decision
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.outlook import HORIZON_DAYS, DatedFlow, PathRow

_NONE: frozenset[date] = frozenset()


def top_customer(receipts: Iterable[ExpectedReceipt]) -> str | None:
    """Who is expected to bring most; of equals the first by id."""
    amounts: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for receipt in receipts:
        if receipt.dates:
            amounts[receipt.customer_id] += receipt.amount
    return min(amounts, key=lambda customer: (-amounts[customer], customer), default=None)


def customer_late(
    receipts: Sequence[ExpectedReceipt],
    customer_id: str,
    *,
    days: int,
    as_of: date,
    holidays: AbstractSet[date] = _NONE,
) -> Decision:
    """All that the customer owes comes `days` later than expected, on banking days."""

    def moved(on: date) -> date:
        return on_or_after(on + timedelta(days=days), holidays)

    def later(receipt: ExpectedReceipt) -> ExpectedReceipt:
        likely = tuple((moved(as_of + timedelta(days=day)) - as_of).days for day in receipt.likely_days)
        dates, banked = tuple(map(moved, receipt.dates)), tuple(map(moved, receipt.banked))
        return replace(receipt, dates=dates, banked=banked, likely_days=likely)

    theirs = [receipt for receipt in receipts if receipt.customer_id == customer_id]
    return Decision(receipts_before=theirs, receipts_after=[later(receipt) for receipt in theirs])


def customer_lost(receipts: Sequence[ExpectedReceipt], customer_id: str) -> Decision:
    """Nothing more comes from the customer, the open invoices included: the worst reading of losing one."""
    return Decision(receipts_before=[receipt for receipt in receipts if receipt.customer_id == customer_id])


def hire(cost: Decimal, *, starts_on: date, every_days: int, as_of: date) -> Decision:
    """`cost` (pay and taxes) each pay-run, first one period after the start, on the banking day on or before."""
    if every_days <= 0:
        raise ValueError("Pay-runs come at least a day apart.")
    last = as_of + timedelta(days=HORIZON_DAYS)
    on, runs = starts_on + timedelta(days=every_days), []
    while on <= last:
        if on >= as_of:
            runs.append(DatedFlow(on_or_before(on), -cost, PathRow.PAYROLL, "hire", is_must_pay=True))
        on += timedelta(days=every_days)
    return Decision(added=runs)


def delay_bills(
    flows: Iterable[DatedFlow], *, days: int, as_of: date, fixed: AbstractSet[str] = frozenset()
) -> Decision:
    """All bills but must-pays and those in `fixed` (released, or critical to the owner) are paid `days` later."""
    moving = [flow for flow in flows if flow.row is PathRow.BILLS and not flow.is_must_pay and flow.key not in fixed]
    later = timedelta(days=days)
    return Decision(
        removed=moving,
        added=[  # no `replace`: it takes five times as long, and they may be ten thousand
            DatedFlow(max(flow.on, as_of) + later, flow.amount, flow.row, flow.key, flow.party_id) for flow in moving
        ],
    )
