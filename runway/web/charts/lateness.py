"""How late one payer pays: a dot an invoice by the month it was paid in, and the middle and late line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from runway.web.charts import svg
from runway.web.charts.scale import Days, Scale, reach, ticks
from runway.web.formats import day, days
from runway.web.strings import _

_HEIGHT = 220.0
_TOP, _BOTTOM, _LEFT, _RIGHT = 12.0, 26.0, 44.0, 12.0
_EDGE = 6.0


@dataclass(frozen=True)
class Paid:
    """`days_late` negative: before it was due. `label` names the document."""

    on: date
    days_late: int
    label: str


def lateness_chart(
    name: str, payments: Sequence[Paid], *, p50: Decimal | None, p90: Decimal | None, width: float
) -> str:
    """`payments`: one at the least, in any order."""
    lines = [line for line in (p50, p90) if line is not None]
    marks = ticks(*reach([*(Decimal(one.days_late) for one in payments), *lines]), most=4)
    up = Scale(marks[0], marks[-1], _HEIGHT - _BOTTOM, _TOP)
    first, last = min(one.on for one in payments), max(one.on for one in payments)
    across = Days(first, last, _LEFT + _EDGE, width - _RIGHT - _EDGE)
    parts = []
    for mark in marks:
        y = up(mark)
        parts += [
            svg.line((_LEFT, y), (width - _RIGHT, y), "zero" if mark == 0 else "grid"),
            svg.words(str(mark.to_integral_value()), (_LEFT - 6, y + 4), "axis", anchor="end"),
        ]
    for value, kind, label in ((p50, "p50", _("half by %(days)s")), (p90, "p90", _("nine in ten by %(days)s"))):
        if value is not None:
            y = up(value)
            parts += [
                svg.line((_LEFT, y), (width - _RIGHT, y), f"rule {kind}"),
                svg.words(label % {"days": days(value)}, (width - _RIGHT, y - 4), "mark", anchor="end"),
            ]
    for one in sorted(payments, key=lambda one: (one.on, one.days_late, one.label)):
        told = _("%(what)s, paid %(day)s: %(days)s late") % {
            "what": one.label,
            "day": day(one.on, "year"),
            "days": days(one.days_late),
        }
        dot = svg.tag("circle", cx=across(one.on), cy=up(Decimal(one.days_late)), r=4, class_="dot", data_told=told)
        parts.append(dot)
    parts += [
        svg.words(day(on, "year"), (across(on), _HEIGHT - 6), "axis", anchor=anchor)
        for on, anchor in ((first, "start"), (last, "end"))
    ]
    told = _("%(n)s payments, between %(least)s and %(most)s late.") % {
        "n": len(payments),
        "least": days(min(one.days_late for one in payments)),
        "most": days(max(one.days_late for one in payments)),
    }
    return svg.picture(name, (width, _HEIGHT), *parts, title=_("Days late, payment by payment"), told=told)
