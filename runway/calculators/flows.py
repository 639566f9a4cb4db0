"""Which movements are operating cash flow. The basis is cash leaving the bank, so paying a card counts, using it does not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domains.core.movements import CashAccount, CashMovement
from infra.money import ZERO
from runway.calculators.cash import (
    BANK,
    CREDIT_CARD,
    LINE_OF_CREDIT,
    CashExclusion,
    CashRules,
    exclusion_of,
    is_undeposited,
)


class FlowKind(StrEnum):
    """What a movement is to the runway. `EXCLUDED` holds those that are not operating flow."""

    OPERATING = "operating"
    CARD_PAYMENT = "card_payment"
    DEBT_SERVICE = "debt_service"
    TAX_REMITTANCE = "tax_remittance"
    OWNER_DRAW = "owner_draw"
    OWN_TRANSFER = "own_transfer"
    CARD_ACTIVITY = "card_activity"
    UNDEPOSITED = "undeposited"
    OTHER_ACCOUNT = "other_account"
    LOAN_PROCEEDS = "loan_proceeds"
    CAPITAL_IN = "capital_in"
    OPENING_BALANCE = "opening_balance"
    ASSET_SALE = "asset_sale"
    TAX_REFUND = "tax_refund"


EXCLUDED = frozenset(FlowKind) - {
    FlowKind.OPERATING,
    FlowKind.CARD_PAYMENT,
    FlowKind.DEBT_SERVICE,
    FlowKind.TAX_REMITTANCE,
    FlowKind.OWNER_DRAW,
}

# No bank account moved, so a burn figure left nothing out: a card counts when it is paid, a receipt when it is banked.
OFF_BANK = frozenset({FlowKind.CARD_ACTIVITY, FlowKind.UNDEPOSITED})

# Not postings to the company's own bank, or not trading: they say nothing about since when the books are kept.
_NO_HISTORY = OFF_BANK | {FlowKind.OTHER_ACCOUNT, FlowKind.OPENING_BALANCE}

_LOAN_SUBTYPES = frozenset({"LoanPayable", LINE_OF_CREDIT, "NotesPayable", "ShareholderNotesPayable"})
_TAX_SUBTYPES = frozenset({"GlobalTaxPayable", "GlobalTaxSuspense", "SalesTaxPayable", "PayrollTaxPayable"})
_ASSET_TYPES = frozenset({"Fixed Asset", "Other Asset"})
_GAIN_SUBTYPES = frozenset({"GainLossOnSaleOfFixedAssets", "GainLossOnSaleOfInvestments"})


@dataclass(frozen=True)
class FlowRules:
    """Attributes:
    count_owner_draws: draws are burn unless the owner says they can stop.
    one_off_tax_refunds: (source, external_id) of refunds that a person flagged as not coming again.
    """

    cash: CashRules = field(default_factory=CashRules)
    count_owner_draws: bool = True
    one_off_tax_refunds: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Flow:
    movement: CashMovement
    kind: FlowKind
    is_operating: bool

    @property
    def is_history(self) -> bool:
        """Whether it shows that the bank was being booked on its day."""
        return self.kind not in _NO_HISTORY


@dataclass(frozen=True)
class FlowSum:
    """The movements of one kind in a window; `amount` is signed, positive into the account, in home currency."""

    kind: FlowKind
    amount: Decimal
    n: int


def classify(movements: Iterable[CashMovement], accounts: Sequence[CashAccount], *, rules: FlowRules) -> list[Flow]:
    """Every movement with its kind, in order. Movements of zero (voids) are dropped.

    Args:
        movements: postings to any bank, card or clearing account.
        accounts: the whole chart, inactive ones included; a counter account it lacks makes an operating movement.
        rules: what the owner switched.
    """
    chart = {account.account_id: account for account in accounts}
    flows = []
    for movement in movements:
        if movement.amount:
            kind = _kind(movement, chart, rules=rules)
            is_draw_left_out = kind is FlowKind.OWNER_DRAW and not rules.count_owner_draws
            flows.append(Flow(movement, kind, is_operating=kind not in EXCLUDED and not is_draw_left_out))
    return flows


def sums_by_kind(flows: Iterable[Flow]) -> tuple[FlowSum, ...]:
    totals: dict[FlowKind, tuple[Decimal, int]] = {}
    for flow in flows:
        amount, n = totals.get(flow.kind, (ZERO, 0))
        totals[flow.kind] = (amount + flow.movement.amount, n + 1)
    return tuple(FlowSum(kind, *totals[kind]) for kind in FlowKind if kind in totals)


def _kind(movement: CashMovement, chart: dict[str, CashAccount], *, rules: FlowRules) -> FlowKind:
    account = chart.get(movement.account_id)
    counter = chart.get(movement.counter_account_id or "")
    if account is None or account.account_type != BANK:
        return _off_bank(account)
    if counter is not None and _is_own_bank(account, rules) and _is_own_bank(counter, rules):
        return FlowKind.OWN_TRANSFER
    if not _pays_costs(account, rules):
        return FlowKind.OTHER_ACCOUNT
    if movement.amount > 0 and (movement.source, movement.external_id) in rules.one_off_tax_refunds:
        return FlowKind.TAX_REFUND
    if counter is None:
        return FlowKind.OPERATING
    return _inflow(counter) if movement.amount > 0 else _outflow(counter)


def _off_bank(account: CashAccount | None) -> FlowKind:
    if account is not None and (account.account_type == CREDIT_CARD or account.account_subtype == LINE_OF_CREDIT):
        return FlowKind.CARD_ACTIVITY
    if account is not None and is_undeposited(account):
        return FlowKind.UNDEPOSITED
    return FlowKind.OTHER_ACCOUNT


def _is_own_bank(account: CashAccount, rules: FlowRules) -> bool:
    """The company's own money. A trust account is not: what is drawn from it is earned that day."""
    is_client_money = exclusion_of(account, rules.cash) is CashExclusion.CLIENT_MONEY
    return account.account_type == BANK and not is_client_money


def _pays_costs(account: CashAccount, rules: FlowRules) -> bool:
    """Whether what leaves this bank account is burn.

    A payroll-tax account is not operating cash, yet its remittances are burn: the transfer that filled it never counts.
    A closed account is no cash today, yet it paid real costs.
    """
    return exclusion_of(account, rules.cash) in {None, CashExclusion.PAYROLL_TAX, CashExclusion.INACTIVE}


def _inflow(counter: CashAccount) -> FlowKind:
    if counter.account_subtype == "OpeningBalanceEquity":
        return FlowKind.OPENING_BALANCE
    if _is_debt(counter):
        return FlowKind.LOAN_PROCEEDS
    if counter.account_type == "Equity":
        return FlowKind.CAPITAL_IN
    return FlowKind.ASSET_SALE if _is_asset(counter) else FlowKind.OPERATING


def _outflow(counter: CashAccount) -> FlowKind:
    if counter.account_subtype == "OpeningBalanceEquity":
        return FlowKind.OPENING_BALANCE
    if counter.account_type == CREDIT_CARD:
        return FlowKind.CARD_PAYMENT
    if _is_debt(counter):
        return FlowKind.DEBT_SERVICE
    if counter.account_type == "Equity":
        return FlowKind.OWNER_DRAW
    return FlowKind.TAX_REMITTANCE if counter.account_subtype in _TAX_SUBTYPES else FlowKind.OPERATING


def _is_debt(counter: CashAccount) -> bool:
    """Borrowed money; a cash advance on a card is borrowed too."""
    by_type = counter.account_type in {"Long Term Liability", CREDIT_CARD}
    return by_type or counter.account_subtype in _LOAN_SUBTYPES


def _is_asset(counter: CashAccount) -> bool:
    subtype = counter.account_subtype or ""
    return counter.account_type in _ASSET_TYPES or subtype in _GAIN_SUBTYPES or subtype.startswith("Investment")
