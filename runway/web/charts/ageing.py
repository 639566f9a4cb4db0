"""What is open by age, as one lying bar: parts of one whole side by side, the oldest last."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO
from runway.web.charts import svg
from runway.web.formats import short_money
from runway.web.strings import _

_HEIGHT, _BAR = 44.0, 22.0
_ROOM_FOR_WORDS = 46.0


@dataclass(frozen=True)
class AgePart:
    """`kind` is its class; `amount` zero or positive."""

    label: str
    kind: str
    amount: Decimal


def widths(parts: Sequence[AgePart], width: float) -> list[float]:
    """Of each part, in proportion; all zero where nothing is open."""
    whole = sum((part.amount for part in parts), ZERO)
    return [float(part.amount / whole) * width if whole else 0.0 for part in parts]


def ageing_chart(name: str, parts: Sequence[AgePart], *, currency: str, width: float) -> str:
    drawn, x = [], 0.0
    for part, wide in zip(parts, widths(parts, width), strict=True):
        told = f"{part.label}: {short_money(part.amount, currency)}"
        drawn.append(svg.box(x, 0.0, (max(0.0, wide - 1), _BAR), f"bar {part.kind}", data_told=told))
        if wide >= _ROOM_FOR_WORDS:
            drawn.append(svg.words(short_money(part.amount, currency), (x + 2, _BAR + 16), "value"))
        x += wide
    told = "; ".join(f"{part.label}: {short_money(part.amount, currency)}" for part in parts)
    return svg.picture(name, (width, _HEIGHT), *drawn, title=_("Open by age"), told=told)
