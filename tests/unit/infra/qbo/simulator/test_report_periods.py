from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.qbo.simulator.reports.periods import Period, fiscal_year_start, macro_period, split

WEDNESDAY = date(2026, 3, 18)


@pytest.mark.parametrize(
    ("macro", "start", "end"),
    [
        ("Today", "2026-03-18", "2026-03-18"),
        ("yesterday", "2026-03-17", "2026-03-17"),
        ("This Week", "2026-03-15", "2026-03-21"),
        ("Last Week-to-date", "2026-03-08", "2026-03-11"),
        ("This Month", "2026-03-01", "2026-03-31"),
        ("This Month-to-date", "2026-03-01", "2026-03-18"),
        ("Last Month", "2026-02-01", "2026-02-28"),
        ("Last Month-to-date", "2026-02-01", "2026-02-18"),
        ("Next Month", "2026-04-01", "2026-04-30"),
        ("This Fiscal Quarter", "2026-01-01", "2026-03-31"),
        ("This Fiscal Year", "2025-07-01", "2026-06-30"),
        ("This Fiscal Year-to-date", "2025-07-01", "2026-03-18"),
        ("Last Fiscal Year", "2024-07-01", "2025-06-30"),
        ("Last Fiscal Year-to-date", "2024-07-01", "2025-03-18"),
        ("this calendar year-to-date", "2026-01-01", "2026-03-18"),
        ("last calendar year", "2025-01-01", "2025-12-31"),
        ("Next 4 Weeks", "2026-03-22", "2026-04-18"),
    ],
)
def test_a_macro_names_its_days(macro: str, start: str, end: str) -> None:
    period = macro_period(macro, today=WEDNESDAY, first_month=7)
    assert period == Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize("macro", ["", "this century", "This Month to date", "next week-to-date"])
def test_an_unknown_macro_names_none(macro: str) -> None:
    assert macro_period(macro, today=WEDNESDAY, first_month=1) is None


def test_the_last_day_of_february_has_a_last_year() -> None:
    period = macro_period("last fiscal year-to-date", today=date(2024, 2, 29), first_month=1)
    assert period == Period(date(2023, 1, 1), date(2023, 2, 28))


def test_columns_are_titled_as_the_calendar_reads() -> None:
    period = Period(date(2025, 11, 20), date(2026, 2, 28))
    assert [column.title for column in split(period, "Month", first_month=1)] == [
        "Nov 20 - 30, 2025",
        "Dec 2025",
        "Jan 2026",
        "Feb 2026",
    ]
    whole = Period(date(2025, 1, 1), date(2026, 12, 31))
    assert [column.title for column in split(whole, "Year", first_month=1)] == ["2025", "2026"]
    assert split(whole, "Quarter", first_month=1)[1].title == "Apr - Jun, 2025"
    assert split(whole, "Year", first_month=7)[1].title == "Jul 2025 - Jun, 2026"
    assert split(Period(date(2026, 3, 1), date(2026, 3, 2)), "Days", first_month=1)[1].title == "Mar 2, 2026"
    assert split(Period(date(2025, 12, 28), date(2026, 1, 9)), "Week", first_month=1)[0].title == (
        "Dec 28, 2025 - Jan 3, 2026"
    )


@given(
    start=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 800),
    by=st.sampled_from(["Days", "Week", "Month", "Quarter", "Year"]),
    first_month=st.integers(1, 12),
)
def test_columns_cover_the_period_without_gap_or_overlap(start: date, days: int, by: str, first_month: int) -> None:
    period = Period(start, start + timedelta(days))
    parts = [column.period for column in split(period, by, first_month=first_month)]
    assert (parts[0].start, parts[-1].end) == period
    assert all(before.end + timedelta(1) == after.start for before, after in pairwise(parts))
    year = fiscal_year_start(start, first_month=first_month)
    assert (year.day, year.month) == (1, first_month)
    assert timedelta(0) <= start - year < timedelta(366)
