"""A client's 13 weeks in a table's cell: the line, the floor, and the low point."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from runway.web.charts import svg
from runway.web.charts.balance import runs
from runway.web.charts.scale import Days, Scale, reach
from runway.web.formats import day, short_money
from runway.web.strings import _

_WIDTH, _HEIGHT, _EDGE = 120.0, 32.0, 3.0


def spark_chart(name: str, points: Sequence[tuple[date, Decimal]], *, floor: Decimal | None, currency: str) -> str:
    """`points`: oldest first, two at the least."""
    low, high = reach([amount for _on, amount in points] + ([floor] if floor is not None else []))
    across = Days(points[0][0], points[-1][0], _EDGE, _WIDTH - _EDGE)
    up = Scale(low, high, _HEIGHT - _EDGE, _EDGE)
    lowest_on, lowest = min(points, key=lambda point: (point[1], point[0]))
    is_under = floor is not None and lowest < floor
    parts = [] if floor is None else [svg.line((_EDGE, up(floor)), (_WIDTH - _EDGE, up(floor)), "floor")]
    for is_below, run in runs(points, floor):
        at = [(_EDGE + ahead * across.width, up(amount)) for ahead, amount in run]
        parts.append(svg.polyline(at, f"line{' under' if is_below else ''}"))
    parts.append(
        svg.tag("circle", cx=across(lowest_on), cy=up(lowest), r=2.5, class_=f"low{' under' if is_under else ''}")
    )
    told = _("lowest %(amount)s on %(day)s") % {"amount": short_money(lowest, currency), "day": day(lowest_on)}
    return svg.picture(name, (_WIDTH, _HEIGHT), *parts, title=_("13 weeks ahead"), told=told)
