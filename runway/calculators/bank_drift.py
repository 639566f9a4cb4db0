"""Books beside bank, account by account: what the bank will show once all that is under way has arrived."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.figures import Basis, Figure

_ITEMS = "items"


@dataclass(frozen=True)
class BankAccount:
    """One account in both places, home currency.

    Attributes:
        bank_balance: current, as the bank says; None when it is not connected.
        deposits_in_transit: in the books, not at the bank yet; positive.
        uncleared_payments: released and not cleared; positive.
    """

    account_id: str
    books_balance: Decimal
    bank_balance: Decimal | None
    deposits_in_transit: Sequence[Decimal] = ()
    uncleared_payments: Sequence[Decimal] = ()


@dataclass(frozen=True)
class Drift:
    """`adjusted_bank` = bank + in transit - uncleared; `drift` = books less that: zero when they agree."""

    account_id: str
    adjusted_bank: Figure
    drift: Figure


def drifts(accounts: Iterable[BankAccount], *, basis: Basis) -> list[Drift]:
    """One an account, in order of id; never netted, for two wrongs of opposite sign are two wrongs."""
    return [_drift(account, basis) for account in sorted(accounts, key=lambda item: item.account_id)]


def _drift(account: BankAccount, basis: Basis) -> Drift:
    n = len(account.deposits_in_transit) + len(account.uncleared_payments)
    if account.bank_balance is None:
        missing = basis.missing("The bank is not connected", basis.currency, n=n, n_of=_ITEMS)
        return Drift(account.account_id, missing, missing)
    under_way = sum(account.deposits_in_transit, ZERO) - sum(account.uncleared_payments, ZERO)
    adjusted = account.bank_balance + under_way
    return Drift(
        account.account_id,
        basis.figure(adjusted, basis.currency, n=n, n_of=_ITEMS),
        basis.figure(account.books_balance - adjusted, basis.currency, n=n, n_of=_ITEMS),
    )
