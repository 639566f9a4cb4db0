"""How far a number may be trusted: the age of the books, and whether this week's bills seem to be in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from infra.money import ZERO
from infra.sync.freshness import NEVER_SHOWN_SILENTLY

BILLS_LOOK_INCOMPLETE = "bills look incomplete this week"
TRAILING_WEEKS = 8
# Two bills a week: with fewer, a week of none is nothing unusual.
_MIN_BILLS = 16
_DAYS_A_WEEK = 7


@dataclass(frozen=True)
class BooksAge:
    """Attributes:
    is_stale: older than 24 hours, never synced, or the last sync failed: shown grey, and actions need a re-check.
    age: None when never synced.
    display: None while the books are fresh.
    """

    is_stale: bool
    age: timedelta | None
    display: str | None

    @property
    def needs_recheck(self) -> bool:
        return self.is_stale


def books_age(synced_at: datetime | None, *, now: datetime, last_sync_failed: bool) -> BooksAge:
    """Args:
    synced_at: all the rail had at this instant is in the books; None when they were never synced.
    now: both aware.
    """
    if synced_at is None:
        return BooksAge(is_stale=True, age=None, display="never synced \N{EN DASH} may be wrong")
    age = max(timedelta(0), now - synced_at)
    if not last_sync_failed and age <= NEVER_SHOWN_SILENTLY:
        return BooksAge(is_stale=False, age=age, display=None)
    return BooksAge(is_stale=True, age=age, display=f"as of {_in_words(age)} ago \N{EN DASH} may be wrong")


@dataclass(frozen=True)
class BillEntry:
    """One bill as it reached the books: the day it was entered (not its date), in the company's zone; home currency."""

    entered_on: date
    amount: Decimal


@dataclass(frozen=True)
class BillEntryCheck:
    """The last seven complete days beside the eight weeks before them.

    Attributes:
        usual_count, usual_amount: medians of the eight weeks; None when these hold too few bills to tell.
        is_incomplete: count or amount is below half of what is usual.
        n: bills in the eight weeks.
    """

    is_incomplete: bool
    count: int
    amount: Decimal
    usual_count: Decimal | None
    usual_amount: Decimal | None
    n: int

    @property
    def display(self) -> str | None:
        return BILLS_LOOK_INCOMPLETE if self.is_incomplete else None


def bill_entry_check(entries: Iterable[BillEntry], *, as_of: date) -> BillEntryCheck:
    """Whether bills seem to be entered late this week. Entries outside the nine weeks before `as_of` are ignored."""
    counts, amounts = [0] * (TRAILING_WEEKS + 1), [ZERO] * (TRAILING_WEEKS + 1)
    for entry in entries:
        week = ((as_of - entry.entered_on).days - 1) // _DAYS_A_WEEK
        if 0 <= week <= TRAILING_WEEKS:
            counts[week] += 1
            amounts[week] += entry.amount
    n = sum(counts[1:])
    if n < _MIN_BILLS:
        return BillEntryCheck(
            is_incomplete=False, count=counts[0], amount=amounts[0], usual_count=None, usual_amount=None, n=n
        )
    usual_count, usual_amount = median(map(Decimal, counts[1:])), median(amounts[1:])
    is_incomplete = counts[0] * 2 < usual_count or amounts[0] * 2 < usual_amount
    return BillEntryCheck(
        is_incomplete=is_incomplete,
        count=counts[0],
        amount=amounts[0],
        usual_count=usual_count,
        usual_amount=usual_amount,
        n=n,
    )


def _in_words(age: timedelta) -> str:
    if age.days:
        return _plural(age.days, "day")
    hours, minutes = divmod(age.seconds // 60, 60)
    return _plural(hours, "hour") if hours else _plural(minutes, "minute")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
