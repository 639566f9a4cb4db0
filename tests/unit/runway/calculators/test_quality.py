from datetime import timedelta
from decimal import Decimal

import pytest

from runway.calculators.quality import BillEntry, bill_entry_check, books_age
from tests.unit.runway.calculators.making import NOW, T

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "failed", "display"),
    [
        (timedelta(0), False, None),
        (DAY, False, None),
        (DAY + timedelta(microseconds=1), False, "as of 1 day ago \N{EN DASH} may be wrong"),
        (3 * DAY + timedelta(hours=5), False, "as of 3 days ago \N{EN DASH} may be wrong"),
        (timedelta(hours=5), True, "as of 5 hours ago \N{EN DASH} may be wrong"),
        (timedelta(hours=1), True, "as of 1 hour ago \N{EN DASH} may be wrong"),
        (timedelta(minutes=2), True, "as of 2 minutes ago \N{EN DASH} may be wrong"),
    ],
)
def test_books_are_stale_after_a_day_or_a_failed_sync(age: timedelta, failed: bool, display: str | None) -> None:  # noqa: FBT001 - a table's column
    books = books_age(NOW - age, now=NOW, last_sync_failed=failed)
    assert (books.display, books.is_stale, books.needs_recheck) == (display, display is not None, display is not None)


def test_books_never_synced_are_stale() -> None:
    assert books_age(None, now=NOW, last_sync_failed=False).display == "never synced \N{EN DASH} may be wrong"


def test_a_clock_running_behind_makes_no_negative_age() -> None:
    assert books_age(NOW + DAY, now=NOW, last_sync_failed=False).age == timedelta(0)


def weeks_of(count: int, *, amount: int = 100, weeks: range = range(1, 9)) -> list[BillEntry]:
    return [BillEntry(T - timedelta(days=7 * week + 1), Decimal(amount)) for week in weeks for _ in range(count)]


@pytest.mark.parametrize(("this_week", "is_incomplete"), [(0, True), (1, True), (2, False), (4, False), (9, False)])
def test_fewer_than_half_the_usual_bills_look_incomplete(this_week: int, *, is_incomplete: bool) -> None:
    check = bill_entry_check(weeks_of(4) + weeks_of(this_week, weeks=range(1)), as_of=T)
    assert (check.count, check.usual_count, check.n) == (this_week, Decimal(4), 32)
    assert check.is_incomplete is is_incomplete
    assert check.display == ("bills look incomplete this week" if is_incomplete else None)


def test_the_usual_number_for_less_than_half_the_amount_looks_incomplete() -> None:
    assert bill_entry_check(weeks_of(4) + weeks_of(4, amount=49, weeks=range(1)), as_of=T).is_incomplete
    assert not bill_entry_check(weeks_of(4) + weeks_of(4, amount=50, weeks=range(1)), as_of=T).is_incomplete


def test_one_large_bill_among_eight_weeks_changes_nothing() -> None:
    spike = BillEntry(T - timedelta(days=20), Decimal(90000))
    check = bill_entry_check([*weeks_of(4), spike, *weeks_of(4, weeks=range(1))], as_of=T)
    assert (check.usual_amount, check.is_incomplete) == (Decimal(400), False)


def test_too_few_bills_to_tell() -> None:
    check = bill_entry_check(weeks_of(2)[:15], as_of=T)
    assert (check.is_incomplete, check.usual_count, check.n) == (False, None, 15)
    assert bill_entry_check(weeks_of(2), as_of=T).is_incomplete


def test_today_and_older_than_nine_weeks_are_outside() -> None:
    outside = [BillEntry(T, Decimal(1)), BillEntry(T - timedelta(days=64), Decimal(1))]
    inside = [BillEntry(T - DAY, Decimal(1)), BillEntry(T - timedelta(days=63), Decimal(1))]
    check = bill_entry_check(outside + inside, as_of=T)
    assert (check.count, check.n) == (1, 1)
