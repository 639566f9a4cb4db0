"""The books of a past day by bookkeeping dates: what was open, what was not applied, how customers had paid, what lay in the bank.

A document counts from its own date, a payment and what it is applied to from the payment's. What was entered late stands on its date all
the same, so this is what the books say of that day now, not what anybody could see on it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from domains.core.movements import CashAccount, CashMovement
from domains.core.past_documents import AppliedLine, DatedDocument, PastSide
from infra.money import ZERO, to_cents
from runway.calculators.ageing import Application, OpenDocument, UnappliedCredit
from runway.calculators.cash import BANK, is_undeposited
from runway.calculators.lateness import WINDOW_DAYS, InvoiceHistory
from runway.calculators.to_come import Settled

SETTLED_DAYS = 91
_DEPOSIT = "Deposit"


@dataclass(frozen=True)
class SideOn:
    """One side at the close of a day. `open` in home currency, documents with nothing open left out."""

    open: tuple[OpenDocument, ...]
    unapplied: tuple[UnappliedCredit, ...]


class PastLedger:
    """One side's documents, ready to be asked for many days."""

    def __init__(self, side: PastSide) -> None:
        self._side = side
        self._by_target: dict[str, list[tuple[date, AppliedLine]]] = defaultdict(list)
        self._by_credit: dict[str, list[tuple[date, AppliedLine]]] = defaultdict(list)
        self._by_payment: dict[str, list[AppliedLine]] = defaultdict(list)
        for line in side.applied:
            payment = side.payments.get(line.payment_id)
            if payment is None:
                continue
            self._by_payment[line.payment_id].append(line)
            if line.kind == side.document_kind:
                self._by_target[line.target_id].append((payment.dated_on, line))
            elif line.kind == side.credit_kind:
                self._by_credit[line.target_id].append((payment.dated_on, line))

    def on(self, day: date) -> SideOn:
        """What was open and what was not applied at the close of `day`."""
        documents = (self._open(item, day) for item in self._side.documents.values() if item.dated_on <= day)
        credits_ = (self._left_of_credit(item, day) for item in self._side.credits.values() if item.dated_on <= day)
        payments = (self._left_of_payment(item, day) for item in self._side.payments.values() if item.dated_on <= day)
        left = tuple(item for item in (*credits_, *payments) if item.amount)
        return SideOn(tuple(item for item in documents if item.open_amount), left)

    def histories(self, day: date, *, days: int = WINDOW_DAYS) -> list[InvoiceHistory]:
        """Documents with something applied in the last 24 months, or as many `days`, as known at the close of `day`."""
        since = day - timedelta(days=days)
        found = []
        for identifier, lines in self._by_target.items():
            document = self._side.documents.get(identifier)
            known = tuple(Application(on, line.amount) for on, line in lines if on <= day)
            if document is not None and any(item.on >= since for item in known):
                due_on = document.due_on or document.dated_on
                found.append(InvoiceHistory(document.party_external_id, due_on, document.total, known))
        return found

    def settled(self, day: date) -> list[Settled]:
        """Money that settled documents in the 91 days to the close of `day`; what credits or cards paid is none."""
        since = day - timedelta(days=SETTLED_DAYS)
        recent = (item for item in self._side.payments.values() if since < item.dated_on <= day and item.is_cash)
        return [part for payment in recent for part in self._parts(payment)]

    def _open(self, item: DatedDocument, day: date) -> OpenDocument:
        applied = (line.amount for on, line in self._by_target.get(item.external_id, ()) if on <= day)
        return OpenDocument(
            external_id=item.external_id,
            party_id=item.party_external_id,
            party_name=item.party_name or item.party_external_id,
            issued_on=item.dated_on,
            due_on=item.due_on,
            open_amount=item.in_home_currency(item.total - sum(applied, ZERO)),
        )

    def _left_of_credit(self, item: DatedDocument, day: date) -> UnappliedCredit:
        used = (line.amount for on, line in self._by_credit.get(item.external_id, ()) if on <= day)
        return _credit(item, item.total - sum(used, ZERO))

    def _left_of_payment(self, item: DatedDocument, day: date) -> UnappliedCredit:
        """A payment ahead of its document waits until that is dated."""
        left = item.total
        for line in self._by_payment.get(item.external_id, ()):
            if self._is_dated(line, day):
                left += line.amount if line.kind == self._side.credit_kind else -line.amount
        return _credit(item, left)

    def _is_dated(self, line: AppliedLine, day: date) -> bool:
        """What is no document of ours (a journal entry) counts as dated."""
        side = self._side
        held: Mapping[str, DatedDocument] = {}
        if line.kind in {side.document_kind, side.credit_kind}:
            held = side.documents if line.kind == side.document_kind else side.credits
        target = held.get(line.target_id)
        return target is None or target.dated_on <= day

    def _parts(self, payment: DatedDocument) -> Iterator[Settled]:
        lines = [one for one in self._by_payment.get(payment.external_id, ()) if one.kind == self._side.document_kind]
        whole = sum((line.amount for line in lines), ZERO)
        share = min(Decimal(1), payment.total / whole) if whole > 0 else ZERO
        for line in lines:
            document = self._side.documents.get(line.target_id)
            amount = payment.in_home_currency(to_cents(line.amount * share))
            if document is not None and amount > 0:
                yield Settled(payment.dated_on, document.dated_on, amount, document.party_name, line.target_id)


def accounts_on(
    day: date, accounts: Sequence[CashAccount], *, movements: Sequence[CashMovement], currency: str
) -> list[CashAccount]:
    """The chart with the balances of banks and undeposited funds at the close of `day`: today's less what is dated later.

    Of other accounts, and of those in another currency, the past is not known here: they have zero, so a tax owed then is in no row.

    Args:
        day: its close.
        accounts: with their balances of now.
        movements: all that are dated after `day`; others are left aside.
        currency: the home currency.
    """
    later: dict[str, Decimal] = defaultdict(lambda: ZERO)
    clearing = next((account.account_id for account in accounts if is_undeposited(account)), None)
    for item in movements:
        if item.on > day:
            later[item.account_id] += item.amount
            if clearing is not None and _empties_undeposited(item):
                later[clearing] -= item.amount
    return [replace(one, balance=_balance(one, later[one.account_id], currency)) for one in accounts]


def _empties_undeposited(item: CashMovement) -> bool:
    """A line that banks a receipt names no account of its own."""
    return item.source == _DEPOSIT and item.is_trade and item.counter_account_id is None


def _balance(account: CashAccount, later: Decimal, currency: str) -> Decimal:
    is_known = account.currency == currency and (account.account_type == BANK or is_undeposited(account))
    return account.balance - later if is_known else ZERO


def _credit(item: DatedDocument, left: Decimal) -> UnappliedCredit:
    name = item.party_name or item.party_external_id
    return UnappliedCredit(item.external_id, item.party_external_id, name, item.in_home_currency(left))
