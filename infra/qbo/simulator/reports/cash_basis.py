"""The cash basis: a document counts when, and in so far as, it is paid; its lines share each payment by their size.

A payment ahead of its document, or beyond it, waits on "Unapplied Cash …" as QBO has it. Journal entries count whole.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from infra.money import ZERO, to_cents
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry, Key, Posting
from infra.qbo.simulator.books.links import CREDITS
from infra.qbo.simulator.reports.accounts import UNAPPLIED_EXPENSE, UNAPPLIED_INCOME, AccountTree
from infra.qbo.simulator.reports.movements import Movement, name_of

_DOCUMENTS: Final = frozenset({"Bill", "VendorCredit", "Invoice", "CreditMemo"})
# Payer -> sign of its posting on A/P or A/R as a debit.
PAYER_SIGN: Final = {"BillPayment": 1, "Payment": -1}


def cash_movements(company: Company, tree: AccountTree) -> Iterator[Movement]:
    """Movements that sum to zero on every day."""
    entries = company.ledger.entries
    for key, entry in entries.items():
        if key[0] in PAYER_SIGN:
            yield from _payer(company, tree, key)
        elif key[0] in _DOCUMENTS and _open_total(company, entry):
            yield from _document(company, key, entry)
        else:
            name = name_of(company, key, entry)
            for posting in entry.postings:
                yield _whole(key, entry, posting, posting.name or name)


def applied_sign(payer: Key, target: Key) -> int:
    """Of what a payer's line adds to the payer's own posting on A/P or A/R, as a debit."""
    return -PAYER_SIGN[payer[0]] if target[0] in CREDITS else PAYER_SIGN[payer[0]]


def _payer(company: Company, tree: AccountTree, key: Key) -> Iterator[Movement]:
    """The money, what of it settles journal entries, and what waits for a document."""
    entry = company.ledger.entries[key]
    rest = ZERO
    for posting in entry.postings:
        if posting.account_id in company.ledger.open_accounts:
            rest += posting.amount
        else:
            yield _whole(key, entry, posting, entry.name)
    waiting = tree.substitute(UNAPPLIED_EXPENSE if key[0] == "BillPayment" else UNAPPLIED_INCOME)
    for target, amount in company.links.targets_of(key).items():
        signed = applied_sign(key, target) * amount
        rest -= signed
        other = company.ledger.entries[target]
        if target[0] not in _DOCUMENTS or not _open_total(company, other):
            yield Movement(key, entry, entry.txn_on, _open_account(company, other, key), signed, entry.name)
        elif other.txn_on > entry.txn_on:
            yield Movement(key, entry, entry.txn_on, waiting, signed, entry.name)
            yield Movement(key, entry, other.txn_on, waiting, -signed, entry.name)
    if rest:
        yield Movement(key, entry, entry.txn_on, waiting, rest, entry.name)


def _document(company: Company, key: Key, entry: Entry) -> Iterator[Movement]:
    """Each line's share of each payment. What rounding leaves goes to the last line; paid up, every line is whole."""
    lines = [posting for posting in entry.postings if posting.account_id not in company.ledger.open_accounts]
    total = abs(_open_total(company, entry))
    counted, applied = [ZERO] * len(lines), ZERO
    for day, payer in sorted(_payments(company, key, entry)):
        amount = company.links.targets_of(payer)[key]
        applied += amount
        left = applied_sign(payer, key) * amount
        for index, line in enumerate(lines):
            upto = line.amount if applied == total else to_cents(line.amount * applied / total)
            share = left if index == len(lines) - 1 else upto - counted[index]
            counted[index] += share
            left -= share
            if share:
                payment = company.ledger.entries[payer]
                yield Movement(payer, payment, day, line.account_id, share, entry.name, line.memo)


def _payments(company: Company, key: Key, entry: Entry) -> Iterator[tuple[date, Key]]:
    for payer in company.links.payers_of(key):
        yield max(entry.txn_on, company.ledger.entries[payer].txn_on), payer


def _open_total(company: Company, entry: Entry) -> Decimal:
    open_accounts, total = company.ledger.open_accounts, ZERO
    for posting in entry.postings:
        if posting.account_id in open_accounts:
            total += posting.amount
    return total


def _open_account(company: Company, entry: Entry, payer: Key) -> str:
    """The account of the journal line that is settled."""
    of_entry = (posting.account_id for posting in entry.postings if posting.account_id in company.ledger.open_accounts)
    chart = company.chart
    return next(of_entry, chart.payable_id if payer[0] == "BillPayment" else chart.receivable_id)


def _whole(key: Key, entry: Entry, posting: Posting, name: Key | None) -> Movement:
    return Movement(key, entry, entry.txn_on, posting.account_id, posting.amount, name, posting.memo)
