"""Entries and the balances that follow from them. Amounts are signed, debit positive, and every entry sums to zero."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from infra.errors import OodalooError
from infra.money import ZERO

Body = dict[str, Any]
Key = tuple[str, str]
"""(entity or kind, Id): ids alone are not unique."""


BESIDE: Final = " (ledger)"
"""Ends the kind of what a document moves beyond its own postings: an invoice's cost of goods sold."""


class UnbalancedEntry(OodalooError):
    """A defect of the simulator or of a company file: debits and credits differ."""

    def __init__(self, key: Key, difference: Decimal) -> None:
        self.key = key
        super().__init__(f"{key[0]} {key[1]}: debits exceed credits by {difference}.")


class Posting(NamedTuple):
    """`name` is the vendor or customer whose open balance the amount belongs to: on A/P and A/R accounts only."""

    account_id: str
    amount: Decimal
    name: Key | None = None
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is an entity or, for what no entity stands for, the type as reports name it. `name`: whose it is."""

    kind: str
    txn_on: date
    postings: tuple[Posting, ...]
    doc_number: str | None = None
    name: Key | None = None


def money(value: Any) -> Decimal:
    """Exact amount of a JSON number; absent is zero.

    Raises:
        decimal.InvalidOperation: not a number.
    """
    if type(value) is Decimal:
        return value
    return ZERO if value is None else Decimal(str(value))


def ref_id(body: Body, key: str) -> str | None:
    """Absent, or a ref without a value: None."""
    value = (body.get(key) or {}).get("value")
    return None if value is None else str(value)


class Ledger:
    """`open_accounts` are the A/P and A/R accounts' Ids."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.open_accounts: set[str] = set()
        self.changed: set[Key] | None = None
        self.account_balances: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.name_balances: defaultdict[Key, Decimal] = defaultdict(lambda: ZERO)

    def add(self, key: Key, entry: Entry) -> None:
        """Raises:
        UnbalancedEntry: nothing has been posted then.
        """
        difference = sum((posting.amount for posting in entry.postings), ZERO)
        if difference:
            raise UnbalancedEntry(key, difference)
        self.entries[key] = entry
        self._note(key)
        self._move(entry.postings, sign=1)

    def remove(self, key: Key) -> Entry:
        entry = self.entries.pop(key)
        self._note(key)
        self._move(entry.postings, sign=-1)
        return entry

    def copy_from(self, other: "Ledger") -> None:
        """Entries do not change: both ledgers may hold them."""
        self.entries = dict(other.entries)
        self.open_accounts = set(other.open_accounts)
        self.account_balances.update(other.account_balances)
        self.name_balances.update(other.name_balances)

    def touched_by(self, entry: Entry) -> Iterator[Key]:
        """The accounts and names whose balance an entry moves."""
        for posting in entry.postings:
            yield ("Account", posting.account_id)
            if posting.name is not None and posting.account_id in self.open_accounts:
                yield posting.name

    def watch(self) -> None:
        """Collect the keys of entries that come, change or go, for the journal to take."""
        self.changed = set()

    def _note(self, key: Key) -> None:
        if self.changed is not None:
            self.changed.add(key)

    def trial_balance(self) -> dict[str, Decimal]:
        return {account: balance for account, balance in self.account_balances.items() if balance}

    def _move(self, postings: tuple[Posting, ...], *, sign: int) -> None:
        for account, amount, name, _ in postings:
            self.account_balances[account] += sign * amount
            if name is not None and account in self.open_accounts:
                self.name_balances[name] += sign * amount
