"""Operating cash: bank accounts that may pay the company's costs. Debt capacity is never cash."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domains.core.movements import CashAccount
from domains.core.rates import HomeRate
from infra.money import ZERO, to_cents
from runway.calculators.figures import Basis, Figure

BANK = "Bank"
CREDIT_CARD = "Credit Card"
UNDEPOSITED_FUNDS = "UndepositedFunds"
LINE_OF_CREDIT = "LineOfCredit"
_ACCOUNTS = "accounts"
_NO_CASH = "No bank account counts as operating cash"
_NOT_READ = "The chart of accounts was not read yet"


class CashExclusion(StrEnum):
    """Why a bank account is not operating cash."""

    CLIENT_MONEY = "client_money"
    PAYROLL_TAX = "payroll_tax"
    RESTRICTED = "restricted"
    SWITCHED_OFF = "switched_off"
    INACTIVE = "inactive"


_BY_SUBTYPE = {
    "TrustAccounts": CashExclusion.CLIENT_MONEY,
    "RentsHeldInTrust": CashExclusion.CLIENT_MONEY,
    "OtherEarMarkedBankAccounts": CashExclusion.RESTRICTED,
}

# Whole words, so that SunTrust or Truist stay cash. "Northern Trust Checking" is caught: counting client money as ours
# is the worse mistake, the exclusion is listed, and `always_counted` overrules it.
_BY_NAME = (
    (
        re.compile(r"\b(trust|iolta|escrow|client (money|funds?|accounts?))\b", re.IGNORECASE),
        CashExclusion.CLIENT_MONEY,
    ),
    (re.compile(r"\bpayroll[ -]?tax(es)?\b", re.IGNORECASE), CashExclusion.PAYROLL_TAX),
    (re.compile(r"\b(restricted|earmarked)\b", re.IGNORECASE), CashExclusion.RESTRICTED),
)


@dataclass(frozen=True)
class CashRules:
    """The owner's say over the rules.

    Attributes:
        always_counted: ids of bank accounts that are operating cash whatever their sub-type, name or switch.
        rates: of other currencies, the newest by T. A foreign account without one blocks the total.
    """

    always_counted: frozenset[str] = frozenset()
    rates: Mapping[str, HomeRate] = field(default_factory=dict)


@dataclass(frozen=True)
class ExcludedAccount:
    account: CashAccount
    why: CashExclusion


@dataclass(frozen=True)
class CreditAccount:
    """A card or line. `owed` is positive when money is owed, in the account's own currency."""

    account: CashAccount
    owed: Decimal


@dataclass(frozen=True)
class CashPosition:
    """Attributes:
    cash: operating cash, the sum of `counted`.
    undeposited: received but not banked; an inflow of the next banking day, not part of `cash`.
    credit_owed: what is drawn on cards and lines (`credit`); positive is owed. Not part of `cash`.
    unrated: accounts whose currency has no rate, by name: each leaves its total without value.
    """

    cash: Figure
    counted: tuple[CashAccount, ...]
    excluded: tuple[ExcludedAccount, ...]
    undeposited: Figure
    credit_owed: Figure
    credit: tuple[CreditAccount, ...]
    unrated: tuple[str, ...] = ()


def exclusion_of(account: CashAccount, rules: CashRules) -> CashExclusion | None:
    """Why this bank account is not operating cash; None when it is."""
    if account.account_id in rules.always_counted:
        return None
    if by_subtype := _BY_SUBTYPE.get(account.account_subtype or ""):
        return by_subtype
    for pattern, why in _BY_NAME:
        if pattern.search(account.name):
            return why
    if not account.is_operating:
        return CashExclusion.SWITCHED_OFF
    return None if account.is_active else CashExclusion.INACTIVE


def is_undeposited(account: CashAccount) -> bool:
    return account.account_subtype == UNDEPOSITED_FUNDS


def cash_position(accounts: Sequence[CashAccount], basis: Basis, *, rules: CashRules) -> CashPosition:
    """Split the chart into operating cash, excluded bank accounts, undeposited funds and credit.

    No books have an empty chart: one was not read yet, and then nothing is known, not even that a total is zero.
    """
    if not accounts:
        unknown = basis.missing(_NOT_READ, basis.currency, n=0, n_of=_ACCOUNTS)
        return CashPosition(cash=unknown, counted=(), excluded=(), undeposited=unknown, credit_owed=unknown, credit=())
    banks = [(account, exclusion_of(account, rules)) for account in accounts if account.account_type == BANK]
    counted = tuple(account for account, why in banks if why is None)
    excluded = tuple(
        ExcludedAccount(account, why)
        for account, why in banks
        # An empty account that was closed long ago is nobody's question.
        if why is not None and (why is not CashExclusion.INACTIVE or account.balance)
    )
    waiting = [account for account in accounts if is_undeposited(account)]
    credit = tuple(CreditAccount(account, -account.balance) for account in accounts if _is_credit(account))
    return CashPosition(
        cash=_cash(counted, basis, rules=rules, excluded=excluded),
        counted=counted,
        excluded=excluded,
        undeposited=_total(
            [(a, a.balance) for a in waiting], basis, rules=rules, note="expected on the next banking day"
        ),
        credit_owed=_total(
            [(c.account, c.owed) for c in credit],
            basis,
            rules=rules,
            note="drawn on cards and lines; the books hold no limits, so what could still be drawn is unknown",
        ),
        credit=credit,
        unrated=_unrated([*counted, *waiting, *(one.account for one in credit)], basis.currency, rules=rules),
    )


def _unrated(accounts: Iterable[CashAccount], currency: str, *, rules: CashRules) -> tuple[str, ...]:
    return tuple(
        f"{one.name} ({one.currency})"
        for one in accounts
        if in_home_currency(one, one.balance, currency, rates=rules.rates) is None
    )


def _is_credit(account: CashAccount) -> bool:
    is_open = account.is_active or bool(account.balance)
    return is_open and (account.account_type == CREDIT_CARD or account.account_subtype == LINE_OF_CREDIT)


def _cash(
    counted: tuple[CashAccount, ...], basis: Basis, *, rules: CashRules, excluded: tuple[ExcludedAccount, ...]
) -> Figure:
    if not counted:
        return basis.missing(_NO_CASH, basis.currency, n=0, n_of=_ACCOUNTS)
    left_out = ", ".join(f"{item.account.name} ({item.why.replace('_', ' ')})" for item in excluded)
    note = f"without {left_out}" if left_out else None
    return _total([(account, account.balance) for account in counted], basis, rules=rules, note=note)


def _total(
    amounts: Sequence[tuple[CashAccount, Decimal]], basis: Basis, *, rules: CashRules, note: str | None
) -> Figure:
    """The sum in home currency, or no value at all when a rate is missing: unlike units are never added."""
    n = len(amounts)
    total, unrated = ZERO, []
    used: dict[str, HomeRate] = {}
    for account, amount in amounts:
        converted = in_home_currency(account, amount, basis.currency, rates=rules.rates)
        if converted is None:
            unrated.append(f"{account.name} ({account.currency})")
        elif converted and account.currency != basis.currency:
            used[account.currency] = rules.rates[account.currency]
        total += converted or ZERO
    if unrated:
        return basis.missing(
            f"No exchange rate for {', '.join(unrated)}", basis.currency, n=n, n_of=_ACCOUNTS, note=note
        )
    told = [f"{key} at {used[key].rate.normalize():f} as of {used[key].on}" for key in sorted(used)]
    note = "; ".join([*([note] if note else []), *told]) or None
    return basis.figure(total, basis.currency, n=n, n_of=_ACCOUNTS, note=note)


def in_home_currency(
    account: CashAccount, amount: Decimal, currency: str, *, rates: Mapping[str, HomeRate]
) -> Decimal | None:
    """`amount` of the account's currency in the home currency, to the cent; None while there is no rate for it."""
    if account.currency == currency:
        return amount
    if not amount:
        return ZERO
    rate = rates.get(account.currency)
    return None if rate is None else to_cents(amount * rate.rate)
