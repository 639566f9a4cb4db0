"""Spans of days as QBO names them: date macros, fiscal years, and the columns a period is cut into."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

_MACRO: Final = re.compile(
    r"(this|last|next) (week|month|quarter|fiscal quarter|calendar quarter|year|fiscal year|calendar year)(-to-date)?"
)
_MONTHS_OF: Final = {"Month": 1, "Quarter": 3, "Year": 12}
_FIRST_DAY: Final = date(1970, 1, 1)
_SUNDAY: Final = 6
_DECEMBER: Final = 12


class Period(NamedTuple):
    """Both ends included."""

    start: date
    end: date


class PeriodColumn(NamedTuple):
    title: str
    period: Period


def macro_period(macro: str, *, today: date, first_month: int) -> Period | None:
    """The days a `date_macro` stands for, in any case; None for one that QBO does not know. Weeks begin on Sunday."""
    words = macro.strip().lower()
    fixed = {
        "today": Period(today, today),
        "yesterday": Period(today - timedelta(1), today - timedelta(1)),
        "all": Period(_FIRST_DAY, today),
        "all dates": Period(_FIRST_DAY, today),
        "next 4 weeks": Period(_week_start(today) + timedelta(7), _week_start(today) + timedelta(34)),
    }
    if words in fixed:
        return fixed[words]
    matched = _MACRO.fullmatch(words)
    if matched is None:
        return None
    steps = {"last": -1, "this": 0, "next": 1}[matched[1]]
    kind = matched[2].split()[-1].capitalize()
    anchor = first_month if matched[2].startswith("fiscal") else 1
    day = _shifted(today, kind, steps)
    whole = _around(day, kind, anchor)
    if matched[3] is None:
        return whole
    return Period(whole.start, min(day, whole.end)) if steps <= 0 else None


def fiscal_year_start(day: date, *, first_month: int) -> date:
    return _around(day, "Year", first_month).start


def split(period: Period, by: str, *, first_month: int) -> list[PeriodColumn]:
    """The columns of `summarize_column_by`; the outer ones end where the period ends. Quarters and years are fiscal."""
    if by == "Total":
        return [PeriodColumn("Total", period)]
    return [PeriodColumn(_title(part, by), part) for part in _parts(period, by, first_month)]


def _parts(period: Period, by: str, first_month: int) -> Iterator[Period]:
    day = period.start
    while day <= period.end:
        end = min(period.end, _around(day, by, first_month).end)
        yield Period(day, end)
        day = end + timedelta(1)


def _around(day: date, kind: str, first_month: int) -> Period:
    if kind == "Days":
        return Period(day, day)
    if kind == "Week":
        return Period(_week_start(day), _week_start(day) + timedelta(6))
    length = _MONTHS_OF[kind]
    into = (day.month - first_month) % length if kind != "Month" else 0
    start = _add_months(day.replace(day=1), -into)
    return Period(start, _add_months(start, length) - timedelta(1))


def _shifted(day: date, kind: str, steps: int) -> date:
    return day + timedelta(7 * steps) if kind == "Week" else _add_months(day, _MONTHS_OF[kind] * steps)


def _add_months(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _week_start(day: date) -> date:
    return day - timedelta((day.weekday() - _SUNDAY) % 7)


def _title(part: Period, by: str) -> str:
    """`Jan 2016`, `Jan - Mar, 2016`, `2016`, `Jan 5, 2016`; a part of a month as `Jan 5 - 31, 2016`."""
    start, end = part
    if by == "Days":
        return f"{_day(start)}, {start.year}"
    is_whole = start.day == 1 and (end + timedelta(1)).day == 1
    if is_whole and by == "Month":
        return f"{start:%b} {start.year}"
    if is_whole and by == "Year" and (start.month, end.month) == (1, _DECEMBER):
        return str(start.year)
    if is_whole and by in _MONTHS_OF:
        first = f"{start:%b}" if start.year == end.year else f"{start:%b} {start.year}"
        return f"{first} - {end:%b}, {end.year}"
    if start.year != end.year:
        return f"{_day(start)}, {start.year} - {_day(end)}, {end.year}"
    last = str(end.day) if start.month == end.month else _day(end)
    return f"{_day(start)} - {last}, {end.year}"


def _day(day: date) -> str:
    return f"{day:%b} {day.day}"
