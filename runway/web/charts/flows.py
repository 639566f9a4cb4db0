"""What comes in and goes out each week: inflow stacked above zero, outflow below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from infra.money import ZERO
from runway.web.charts import svg
from runway.web.charts.scale import Days, Scale, ticks
from runway.web.formats import day, short_money
from runway.web.strings import _

_HEIGHT = 170.0
_TOP, _BOTTOM, _LEFT, _RIGHT = 10.0, 24.0, 52.0, 12.0
_GAP = 2.0


@dataclass(frozen=True)
class WeekBars:
    """`inflow` and `outflow` from zero outwards: (class, amount), all amounts positive.

    Drawn from `starts_on` to `ends_on`; `week_on` is the first day of the week as it is told.
    """

    starts_on: date
    ends_on: date
    inflow: Sequence[tuple[str, Decimal]]
    outflow: Sequence[tuple[str, Decimal]]
    week_on: date
    is_past: bool = False

    @property
    def sums(self) -> tuple[Decimal, Decimal]:
        return sum((amount for _kind, amount in self.inflow), ZERO), sum(
            (amount for _kind, amount in self.outflow), ZERO
        )


def flows_chart(name: str, weeks: Sequence[WeekBars], *, currency: str, width: float) -> str:
    """On the same days across as the balance line above it."""
    marks = ticks(-max(week.sums[1] for week in weeks), max(week.sums[0] for week in weeks), most=4)
    up = Scale(marks[0], marks[-1], _HEIGHT - _BOTTOM, _TOP)
    across = Days(weeks[0].starts_on, weeks[-1].ends_on, _LEFT, width - _RIGHT)
    parts = []
    for amount in marks:
        y = up(amount)
        parts += [
            svg.line((across.start, y), (across.end, y), "zero" if amount == 0 else "grid"),
            svg.words(short_money(abs(amount), currency), (across.start - 6, y + 4), "axis", anchor="end"),
        ]
    for week in weeks:
        parts += _bars(week, across, up)
        parts.append(_hit(week, across, currency=currency))
    return svg.picture(
        name, (width, _HEIGHT), *parts, title=_("In and out, week by week"), told=told_of(weeks, currency)
    )


def told_of(weeks: Sequence[WeekBars], currency: str) -> str:
    ahead = [week for week in weeks if not week.is_past]
    most = max(ahead, key=lambda week: week.sums[1])
    return _("The most goes out in the week of %(day)s: %(amount)s.") % {
        "day": day(most.week_on),
        "amount": short_money(most.sums[1], currency),
    }


def _bars(week: WeekBars, across: Days, up: Scale) -> list[str]:
    x, width = across(week.starts_on) + _GAP, across(week.ends_on) - across(week.starts_on) - 2 * _GAP
    parts, above, under = [], ZERO, ZERO
    past = " past" if week.is_past else ""
    for kind, amount in week.inflow:
        parts.append(svg.box(x, up(above + amount), (width, up(above) - up(above + amount)), f"bar {kind}{past}"))
        above += amount
    for kind, amount in week.outflow:
        parts.append(svg.box(x, up(-under), (width, up(-under - amount) - up(-under)), f"bar {kind}{past}"))
        under += amount
    return parts


def _hit(week: WeekBars, across: Days, *, currency: str) -> str:
    came, went = week.sums
    told = _("Week of %(day)s: %(came)s in, %(went)s out") % {
        "day": day(week.week_on),
        "came": short_money(came, currency),
        "went": short_money(went, currency),
    }
    x = across(week.starts_on)
    size = across(week.ends_on) - x, _HEIGHT - _TOP - _BOTTOM
    return svg.box(
        x, _TOP, size, "hit", data_week=week.week_on.isoformat(), data_in=came, data_out=went, data_told=told
    )
