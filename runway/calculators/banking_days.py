"""Days on which banks move money: Monday to Friday, less the holidays given."""

from collections.abc import Set as AbstractSet
from datetime import date, timedelta

_SATURDAY = 5
_DAY = timedelta(days=1)
_NONE: frozenset[date] = frozenset()


def is_banking_day(day: date, holidays: AbstractSet[date] = _NONE) -> bool:
    return day.weekday() < _SATURDAY and day not in holidays


def on_or_after(day: date, holidays: AbstractSet[date] = _NONE) -> date:
    while not is_banking_day(day, holidays):
        day += _DAY
    return day


def on_or_before(day: date, holidays: AbstractSet[date] = _NONE) -> date:
    while not is_banking_day(day, holidays):
        day -= _DAY
    return day


def next_after(day: date, holidays: AbstractSet[date] = _NONE) -> date:
    return on_or_after(day + _DAY, holidays)
