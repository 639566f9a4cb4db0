"""What each customer or vendor owed or was owed on a day, transaction by transaction. Later payments are not looked at."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry, Key
from infra.qbo.simulator.reports.cash_basis import applied_sign

_DUE: Final = frozenset({"Bill", "Invoice"})
_Item = tuple[Key, Key | None]


class OpenItem(NamedTuple):
    """`amount` is the transaction's whole movement on the accounts and `open` what is left of it: signed debits."""

    key: Key
    entry: Entry
    name: Key | None
    due_on: date
    amount: Decimal
    open: Decimal


def open_items(
    company: Company, accounts: frozenset[str], *, on: date, applied_until: date | None = None
) -> list[OpenItem]:
    """What is open of the transactions dated up to `on`; their `open` adds up to the accounts' balance on that day.

    `applied_until` (default `on`) also takes later payments into account, and then it does not add up.
    """
    moved: dict[_Item, Decimal] = {}
    for key, entry in company.ledger.entries.items():
        if entry.txn_on <= on:
            for posting in entry.postings:
                if posting.account_id in accounts:
                    item = (key, posting.name)
                    moved[item] = moved.get(item, ZERO) + posting.amount
    left = defaultdict(lambda: ZERO, moved)
    for item, amount in _applications(company, accounts, on=on, applied_until=applied_until or on):
        left[item] -= amount
    return [_opened(company, item, amount=moved.get(item, ZERO), left=rest) for item, rest in left.items() if rest]


def _applications(
    company: Company, accounts: frozenset[str], *, on: date, applied_until: date
) -> Iterator[tuple[_Item, Decimal]]:
    """What each payer and what it pays give up to one another: a debit off the one, a credit off the other."""
    entries = company.ledger.entries
    payers = {"BillPayment"} if company.chart.payable_id in accounts else {"Payment"}
    for key, entry in entries.items():
        if key[0] not in payers or entry.txn_on > applied_until:
            continue
        for target, amount in company.links.targets_of(key).items():
            if entries[target].txn_on <= on:
                signed = applied_sign(key, target) * amount
                yield (target, entry.name), -signed
                if entry.txn_on <= on:
                    yield (key, entry.name), signed


def _opened(company: Company, item: _Item, *, amount: Decimal, left: Decimal) -> OpenItem:
    key, name = item
    entry = company.ledger.entries[key]
    due_on = entry.txn_on
    if key[0] in _DUE:
        record = company.stores[key[0]].records.get(key[1])
        due_on = date.fromisoformat(record.body.get("DueDate", due_on.isoformat())) if record else due_on
    return OpenItem(key, entry, name, due_on, amount, left)
