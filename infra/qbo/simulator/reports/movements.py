"""What moved on which account on which day, on either basis: the only thing that statements are computed from."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry, Key, ref_id


class Movement(NamedTuple):
    """`amount` is a signed debit. `split` is the other account where the entry's postings do not tell it."""

    key: Key
    entry: Entry
    day: date
    account_key: str
    amount: Decimal
    name: Key | None = None
    memo: str | None = None
    split: str | None = None


def accrual_totals(company: Company) -> Iterator[tuple[date, str, Decimal]]:
    """Every posting, bare: this is walked for each accrual statement, so it makes nothing it does not need."""
    for entry in company.ledger.entries.values():
        day = entry.txn_on
        for posting in entry.postings:
            yield day, posting[0], posting[1]


def accrual_movements(company: Company) -> Iterator[Movement]:
    for key, entry in company.ledger.entries.items():
        whose = None if entry.name is not None else _entity_name(company, key)
        for posting in entry.postings:
            name = posting.name or entry.name or whose
            yield Movement(key, entry, entry.txn_on, posting.account_id, posting.amount, name, posting.memo)


def name_of(company: Company, key: Key, entry: Entry) -> Key | None:
    """The customer or vendor a transaction belongs to."""
    return entry.name or _entity_name(company, key)


def _entity_name(company: Company, key: Key) -> Key | None:
    """A purchase names its vendor in EntityRef."""
    if key[0] != "Purchase":
        return None
    record = company.stores["Purchase"].records.get(key[1])
    ref = record.body.get("EntityRef") if record else None
    identifier = ref_id(record.body, "EntityRef") if record and ref else None
    kind = str((ref or {}).get("type") or "Vendor").title()
    return (kind, identifier) if identifier is not None and kind in {"Vendor", "Customer"} else None


class Activity:
    """Movements by account and day, ready to be summed over any span of days."""

    def __init__(self, totals: Iterable[tuple[date, str, Decimal]]) -> None:
        by_account: defaultdict[str, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        for day, account_key, amount in totals:
            by_account[account_key][day] += amount
        self._days: dict[str, list[date]] = {}
        self._sums: dict[str, list[Decimal]] = {}
        for account_key, by_day in by_account.items():
            days = sorted(by_day)
            self._days[account_key] = days
            self._sums[account_key] = [ZERO, *accumulate(by_day[day] for day in days)]

    def over(self, account_key: str, *, since: date | None, until: date) -> Decimal | None:
        """The signed debit moved from `since` (None: ever) to `until`, both included; None: nothing was posted."""
        days = self._days.get(account_key)
        if days is None:
            return None
        low = 0 if since is None else bisect_left(days, since)
        high = bisect_right(days, until)
        return self._sums[account_key][high] - self._sums[account_key][low] if high > low else None

    def sum_over(self, account_keys: Iterable[str], *, since: date | None, until: date) -> Decimal:
        return sum((self.over(key, since=since, until=until) or ZERO for key in account_keys), ZERO)
