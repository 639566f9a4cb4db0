"""What an outflow pays for, from the account on its other side and the payee's name: pay and taxes must be paid."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domains.core.movements import CashAccount
from runway.calculators.flows import Flow
from runway.calculators.outlook import PathRow


class OutflowKind(StrEnum):
    PAYROLL = "payroll"
    PAYROLL_TAX = "payroll_tax"
    SALES_TAX = "sales_tax"
    RENT = "rent"
    DEBT = "debt"
    OTHER = "other"

    @property
    def is_must_pay(self) -> bool:
        return self in {OutflowKind.PAYROLL, OutflowKind.PAYROLL_TAX, OutflowKind.SALES_TAX}

    @property
    def row(self) -> PathRow:
        if self is OutflowKind.PAYROLL:
            return PathRow.PAYROLL
        return PathRow.TAX if self.is_must_pay else PathRow.RECURRING


@dataclass(frozen=True)
class PastOutflow:
    """`amount` positive, home currency. `payee_key` tells payees apart: names folded, or the account where none is."""

    on: date
    amount: Decimal
    payee_key: str
    payee: str
    kind: OutflowKind
    source: str
    external_id: str


_BY_SUBTYPE = {
    "PayrollTaxPayable": OutflowKind.PAYROLL_TAX,
    "PayrollTaxExpenses": OutflowKind.PAYROLL_TAX,
    "SalesTaxPayable": OutflowKind.SALES_TAX,
    "GlobalTaxPayable": OutflowKind.SALES_TAX,
    "PayrollExpenses": OutflowKind.PAYROLL,
    "PayrollWageExpenses": OutflowKind.PAYROLL,
    "PayrollClearing": OutflowKind.PAYROLL,
    "RentOrLeaseOfBuildings": OutflowKind.RENT,
    "NotesPayable": OutflowKind.DEBT,
    "LoanPayable": OutflowKind.DEBT,
    "LineOfCredit": OutflowKind.DEBT,
    "ShareholderNotesPayable": OutflowKind.DEBT,
}

# Names of accounts first, then of payees. Taxes before pay: "Payroll tax payable" holds both words.
_TAX_NAME = re.compile(
    r"\b(payroll|withholding|employment|941|940|futa|suta|fica)\b.*\b(tax(es)?|payable|liabilit)", re.IGNORECASE
)
_SALES_TAX_NAME = re.compile(
    r"\b(sales|use|excise|vat|gst|hst)\b.*\btax(es)?\b|\b(vat|gst|hst) payable\b", re.IGNORECASE
)
_PAY_NAME = re.compile(r"\b(payroll|wages?|salar(y|ies)|paychecks?|net pay)\b", re.IGNORECASE)
_TAX_PAYEE = re.compile(
    r"\b(irs|eftps|usatax\w*|internal revenue|united states treasury|us treasury|hmrc|employment development dep\w*)\b",
    re.IGNORECASE,
)
_SALES_TAX_PAYEE = re.compile(
    r"\b(dep(t|artment)\.? of (revenue|taxation)|board of equalization|cdtfa|comptroller)\b", re.IGNORECASE
)
_PAY_PAYEE = re.compile(
    r"\b(gusto|adp|paychex|paycom|paylocity|rippling|justworks|trinet|intuit payroll)\b", re.IGNORECASE
)
_BY_ACCOUNT_NAME = (
    (_TAX_NAME, OutflowKind.PAYROLL_TAX),
    (_SALES_TAX_NAME, OutflowKind.SALES_TAX),
    (_PAY_NAME, OutflowKind.PAYROLL),
)
_BY_PAYEE = (
    (_TAX_PAYEE, OutflowKind.PAYROLL_TAX),
    (_SALES_TAX_PAYEE, OutflowKind.SALES_TAX),
    (_PAY_PAYEE, OutflowKind.PAYROLL),
    (_PAY_NAME, OutflowKind.PAYROLL),
)


def outflow_kind(counter: CashAccount | None, payee: str | None) -> OutflowKind:
    """The account decides where it can: a payroll firm's draft for taxes is a tax, its fee is not pay."""
    if counter is not None:
        if by_subtype := _BY_SUBTYPE.get(counter.account_subtype or ""):
            return by_subtype
        for pattern, kind in _BY_ACCOUNT_NAME:
            if pattern.search(counter.name):
                return kind
    for pattern, kind in _BY_PAYEE:
        if payee and pattern.search(payee):
            return kind
    return OutflowKind.OTHER


def payee_key(name: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", name).casefold().split())


def past_outflows(flows: Iterable[Flow], accounts: Sequence[CashAccount]) -> list[PastOutflow]:
    """Operating cash out, a line each. A line without a payee is told apart by its counter account."""
    chart = {account.account_id: account for account in accounts}
    return [_past(flow, chart) for flow in flows if flow.is_operating and flow.movement.amount < 0]


def _past(flow: Flow, chart: dict[str, CashAccount]) -> PastOutflow:
    move = flow.movement
    counter = chart.get(move.counter_account_id or "")
    name = counter.name if counter else "unnamed"
    return PastOutflow(
        on=move.on,
        amount=-move.amount,
        payee_key=payee_key(move.counterparty) if move.counterparty else f"account {move.counter_account_id}",
        payee=move.counterparty or name,
        kind=outflow_kind(counter, move.counterparty),
        source=move.source,
        external_id=move.external_id,
    )
