"""Why a figure is not what it was: from the earlier bar, step by step, to today's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from runway.web.charts import svg
from runway.web.charts.scale import Scale, reach, ticks
from runway.web.strings import _

_ROW, _TOP, _BOTTOM = 34.0, 8.0, 26.0
_LABEL_SHARE, _MOST_LABEL, _RIGHT = 0.4, 240.0, 64.0


@dataclass(frozen=True)
class Step:
    """`change` is in the unit of the ends."""

    label: str
    change: Decimal


@dataclass(frozen=True)
class Bar:
    """One row from `low` to `high`; `kind`: end, rise or fall."""

    label: str
    low: Decimal
    high: Decimal
    kind: str
    shown: Decimal


def bars_of(before: tuple[str, Decimal], steps: Sequence[Step], now: tuple[str, Decimal]) -> list[Bar]:
    """The rows, each step beginning where the one before ended.

    Raises:
        ValueError: the steps do not lead from `before` to `now`.
    """
    level, rows = before[1], [_end(*before)]
    for step in steps:
        reached = level + step.change
        kind = "rise" if step.change >= 0 else "fall"
        rows.append(Bar(step.label, min(level, reached), max(level, reached), kind, step.change))
        level = reached
    if level != now[1]:
        raise ValueError(f"the steps lead to {level}, not to {now[1]}")
    return [*rows, _end(*now)]


def bridge_chart(name: str, rows: Sequence[Bar], *, show: Callable[[Decimal], str], width: float) -> str:
    """Lying: the causes are words, and words need room. `show` writes an amount, or days, with its sign."""
    marks = ticks(*reach(value for row in rows for value in (row.low, row.high)), most=4)
    height = _TOP + _ROW * len(rows) + _BOTTOM
    left = min(_MOST_LABEL, width * _LABEL_SHARE)
    across = Scale(marks[0], marks[-1], left, width - _RIGHT)
    parts = [
        svg.line((across(mark), _TOP), (across(mark), height - _BOTTOM), "zero" if mark == 0 else "grid")
        for mark in marks
    ]
    parts += [svg.words(show(mark), (across(mark), height - 6), "axis", anchor="middle") for mark in marks]
    level: Decimal | None = None
    for index, row in enumerate(rows):
        y = _TOP + index * _ROW
        parts += _row(row, across, y, show=show)
        reached = row.low if row.kind == "fall" else row.high
        if level is not None:
            parts.append(svg.line((across(level), y - 6), (across(level), y + 6), "joint"))
        level = reached if row.kind != "end" else row.shown
    told = "; ".join(f"{row.label}: {show(row.shown)}" for row in rows)
    return svg.picture(name, (width, height), *parts, title=_("What changed"), told=told)


def _row(row: Bar, across: Scale, y: float, *, show: Callable[[Decimal], str]) -> list[str]:
    x1, x2 = across(row.low), across(row.high)
    return [
        svg.words(row.label, (0.0, y + 21), "row-label"),
        svg.box(
            x1, y + 6, (max(1.5, x2 - x1), _ROW - 12), f"bar {row.kind}", data_told=f"{row.label}: {show(row.shown)}"
        ),
        svg.words(show(row.shown), (x2 + 6, y + 21), "value"),
    ]


def _end(label: str, value: Decimal) -> Bar:
    return Bar(label, min(Decimal(0), value), max(Decimal(0), value), "end", value)
