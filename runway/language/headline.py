"""The runway's headline, as calculators, API and log have it, retold for a reader: their words, their days, their numbers.

It is one line of a fixed grammar, kept as text where it was frozen: parts between dashes, of which each is one of those below. Another
part is told as it is.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

from runway.language.formats import day, days, money, number
from runway.language.strings import _, keyed

_BETWEEN: Final = " \N{EN DASH} "
_DAY: Final = r"(\d{4}-\d\d-\d\d)"
_WHOLE: Final = (keyed("24+ months"), keyed("No cash-out in sight"), keyed("Not enough history"))


def headline(display: str) -> str:
    """`ForecastRunway.display`, or the like, as the reader writes it."""
    return _BETWEEN.join(_part(part) for part in display.split(_BETWEEN))


def _part(text: str) -> str:
    if text in _WHOLE:
        return _(text)
    for pattern, told in _PARTS:
        if found := re.fullmatch(pattern, text):
            return told(found)
    return text


def _days(found: "re.Match[str]") -> str:
    n, early, late = found.groups()
    if early is None:
        return days(Decimal(n))
    end = f"\N{EN DASH}{number(late)}" if late else "+"
    return f"{days(Decimal(n))} ({number(early)}{end})"


def _since(found: "re.Match[str]") -> str:
    told = _("below the floor since %(day)s or before") if found[1] else _("below the floor since %(day)s")
    return told % {"day": day(date.fromisoformat(found[2]), "year")}


def _low(found: "re.Match[str]") -> str:
    weeks, amount, currency, on, by_dates = found.groups()
    said = {
        "weeks": number(weeks), "low": money(amount.replace(",", ""), currency), "day": day(date.fromisoformat(on)),
    }  # fmt: skip
    if by_dates:
        return _("lowest point in %(weeks)s weeks: %(low)s on %(day)s by dated items") % said
    return _("lowest point in %(weeks)s weeks: %(low)s on %(day)s") % said


def _window(found: "re.Match[str]") -> str:
    return _("based on %(days)s") % {"days": days(Decimal(found[1]))}


_PARTS: Final[tuple[tuple[str, Callable[["re.Match[str]"], str]], ...]] = (
    (r"(\d+) days?(?: \((\d+)(?:\N{EN DASH}(\d+)|\+)\))?", _days),
    (rf"below floor since (at least )?{_DAY}", _since),
    (rf"lowest point in (\d+) weeks: (-?[\d,]+\.\d\d) ([A-Z]{{3}}) on {_DAY}( by dated items)?", _low),
    (r"based on (\d+) days", _window),
)
