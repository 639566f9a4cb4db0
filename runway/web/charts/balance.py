"""The balance line: what was, what is expected within its band, the floor, and the days on which pay and taxes leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from runway.web.charts import svg
from runway.web.charts.scale import Days, Scale, reach, ticks
from runway.web.charts.svg import Point
from runway.web.formats import day, money, short_money
from runway.web.strings import _

_HEIGHT = 300.0
_TOP, _BOTTOM, _LEFT, _RIGHT = 24.0, 34.0, 52.0, 12.0
_LABEL_ROOM = 70.0


@dataclass(frozen=True)
class Expected:
    """One day's closing balance: in the middle, when things go badly, when they go well."""

    on: date
    p10: Decimal
    p50: Decimal
    p90: Decimal


@dataclass(frozen=True)
class MustPay:
    """`kind`: payroll or tax. `amount` positive."""

    on: date
    kind: str
    amount: Decimal


@dataclass(frozen=True)
class Balance:
    """Attributes:
    history: closes up to the day before T, oldest first; may be empty.
    expected: T and the days after it.
    floor: None where none is set or known.
    """

    history: Sequence[tuple[date, Decimal]]
    expected: Sequence[Expected]
    floor: Decimal | None
    must_pays: Sequence[MustPay]
    currency: str

    @property
    def today(self) -> date:
        return self.expected[0].on

    @property
    def low(self) -> Expected:
        return min(self.expected, key=lambda one: (one.p50, one.on))


def balance_chart(name: str, balance: Balance, *, width: float) -> str:
    across, up = _scales(balance, width=width)
    parts = [
        *_grid(up, across, balance.currency),
        *_months(across),
        *_band(balance, across, up),
        *_floor(balance, across, up),
        *_today(balance, across),
        *_lines(balance, across, up),
        *_must_pays(balance, across),
        *_low(balance, across, up),
        *_weeks(balance, across),
    ]
    return svg.picture(name, (width, _HEIGHT), *parts, title=_("Cash week by week"), told=told_of(balance))


def told_of(balance: Balance) -> str:
    """What the eye sees, in a sentence."""
    low, last = balance.low, balance.expected[-1]
    told = _("Cash is %(now)s on %(today)s, lowest at %(low)s on %(low_on)s, and %(last)s on %(last_on)s.") % {
        "now": money(balance.expected[0].p50, balance.currency),
        "today": day(balance.today),
        "low": money(low.p50, balance.currency),
        "low_on": day(low.on),
        "last": money(last.p50, balance.currency),
        "last_on": day(last.on),
    }
    if balance.floor is None:
        return told
    under = (
        _("It falls below the floor of %(floor)s.")
        if low.p50 < balance.floor
        else _("It stays above the floor of %(floor)s.")
    )
    return f"{told} {under % {'floor': money(balance.floor, balance.currency)}}"


def runs(
    points: Sequence[tuple[date, Decimal]], floor: Decimal | None
) -> list[tuple[bool, list[tuple[float, Decimal]]]]:
    """The line cut where it crosses the floor: (is below, [(days since the first, amount)]). Parts meet on the floor."""
    first = points[0][0]
    at = [(float((on - first).days), amount) for on, amount in points]
    if floor is None:
        return [(False, at)]
    found: list[tuple[bool, list[tuple[float, Decimal]]]] = [(at[0][1] < floor, [at[0]])]
    for (x1, before), (x2, after) in pairwise(at):
        is_below = after < floor
        if is_below != found[-1][0]:
            meets = (x1 + (x2 - x1) * float((floor - before) / (after - before)), floor)
            found[-1][1].append(meets)
            found.append((is_below, [meets]))
        found[-1][1].append((x2, after))
    return found


def _scales(balance: Balance, *, width: float) -> tuple[Days, Scale]:
    amounts = [amount for _on, amount in balance.history]
    for one in balance.expected:
        amounts += (one.p10, one.p90)
    low, high = reach([*amounts, *([balance.floor] if balance.floor is not None else [])])
    marks = ticks(low, high)
    first = balance.history[0][0] if balance.history else balance.today
    across = Days(first, balance.expected[-1].on, _LEFT, width - _RIGHT)
    return across, Scale(marks[0], marks[-1], _HEIGHT - _BOTTOM, _TOP)


def _grid(up: Scale, across: Days, currency: str) -> list[str]:
    parts = []
    for amount in ticks(up.low, up.high):
        y = up(amount)
        parts += [
            svg.line((across.start, y), (across.end, y), "zero" if amount == 0 else "grid"),
            svg.words(short_money(amount, currency), (across.start - 6, y + 4), "axis", anchor="end"),
        ]
    return parts


def _months(across: Days) -> list[str]:
    y = _HEIGHT - _BOTTOM
    return [
        part
        for on in across.months()
        for part in (
            svg.line((across(on), y), (across(on), y + 4), "grid"),
            svg.words(day(on), (across(on), y + 30), "axis", anchor=_anchor(across(on), across)),
        )
    ]


def _band(balance: Balance, across: Days, up: Scale) -> list[str]:
    above = [(across(one.on), up(one.p90)) for one in balance.expected]
    under = [(across(one.on), up(one.p10)) for one in reversed(balance.expected)]
    return [svg.polygon([*above, *under], "band")]


def _floor(balance: Balance, across: Days, up: Scale) -> list[str]:
    if balance.floor is None:
        return []
    y = up(balance.floor)
    told = _("floor %(amount)s") % {"amount": short_money(balance.floor, balance.currency)}
    # At the end of the line that is farther from the low point, which has its own words.
    is_late = across(balance.low.on) > (across.start + across.end) / 2
    at, anchor = (across.start + 4, "start") if is_late else (across.end, "end")
    return [
        svg.line((across.start, y), (across.end, y), "floor"),
        svg.words(told, (at, y - 5), "mark", anchor=anchor),
    ]


def _today(balance: Balance, across: Days) -> list[str]:
    x = across(balance.today)
    return [
        svg.line((x, _TOP - 6), (x, _HEIGHT - _BOTTOM), "today"),
        svg.words(_("today"), (x, _TOP - 10), "mark", anchor=_anchor(x, across)),
    ]


def _lines(balance: Balance, across: Days, up: Scale) -> list[str]:
    expected = [(one.on, one.p50) for one in balance.expected]
    past = [*balance.history, expected[0]] if balance.history else []
    parts = []
    for kind, points in (("past", past), ("ahead", expected)):
        if not points:
            continue
        begins = across(points[0][0])
        for is_below, run in runs(points, balance.floor):
            at: list[Point] = [(begins + ahead * across.width, up(amount)) for ahead, amount in run]
            parts.append(svg.polyline(at, f"line {kind}{' under' if is_below else ''}"))
    return parts


def _must_pays(balance: Balance, across: Days) -> list[str]:
    """Below the axis: a square for pay, a diamond for taxes, so that neither is told by colour alone."""
    y = _HEIGHT - _BOTTOM + 10
    parts = []
    for one in balance.must_pays:
        x = across(one.on)
        if one.kind == "tax":
            parts.append(svg.polygon([(x, y - 5), (x + 5, y), (x, y + 5), (x - 5, y)], "must tax"))
        else:
            parts.append(svg.box(x - 3.5, y - 3.5, (7, 7), "must payroll"))
    return parts


def _low(balance: Balance, across: Days, up: Scale) -> list[str]:
    low = balance.low
    x, y = across(low.on), up(low.p50)
    is_under = balance.floor is not None and low.p50 < balance.floor
    told = _("low %(amount)s, %(day)s") % {"amount": short_money(low.p50, balance.currency), "day": day(low.on)}
    # Above the line where there is no room below it.
    label_y = y + 20 if y + 24 < _HEIGHT - _BOTTOM else y - 12
    kind = "low under" if is_under else "low"
    return [
        svg.tag("circle", cx=x, cy=y, r=4.5, class_=kind),
        svg.words(told, (x, label_y), f"{kind} label", anchor=_anchor(x, across)),
    ]


def _weeks(balance: Balance, across: Days) -> list[str]:
    """What a pointer and a test find: one strip a week, telling its last day."""
    parts = []
    ends = list(balance.expected[7::7])
    # The first week holds today too; each other begins on the day after the one before ended.
    begins = [balance.today, *(one.on + timedelta(days=1) for one in ends)]
    for begin, starts, one in zip(begins, [balance.expected[0], *ends], ends, strict=False):
        told = _("%(day)s: %(p50)s, between %(p10)s and %(p90)s") % {
            "day": day(one.on, "weekday"),
            "p50": money(one.p50, balance.currency),
            "p10": money(one.p10, balance.currency),
            "p90": money(one.p90, balance.currency),
        }
        x = across(starts.on)
        parts.append(
            svg.box(
                x,
                _TOP,
                (across(one.on) - x, _HEIGHT - _TOP - _BOTTOM),
                "hit",
                data_week=begin.isoformat(),
                data_p50=one.p50,
                data_told=told,
            )
        )
    return parts


def _anchor(x: float, across: Days) -> str:
    if x < across.start + _LABEL_ROOM / 2:
        return "start"
    return "end" if x > across.end - _LABEL_ROOM else "middle"
