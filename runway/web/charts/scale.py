"""From amounts and days to places on the paper."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True)
class Scale:
    """`low` is drawn at `start`, `high` at `end`; equal ends draw all at `start`."""

    low: Decimal
    high: Decimal
    start: float
    end: float

    def __call__(self, value: Decimal) -> float:
        if self.low == self.high:
            return self.start
        share = float((value - self.low) / (self.high - self.low))
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Days:
    """A day's middle, evenly spaced from `first` to `last`."""

    first: date
    last: date
    start: float
    end: float

    @property
    def width(self) -> float:
        """Of one day."""
        return (self.end - self.start) / max(1, (self.last - self.first).days)

    def __call__(self, on: date) -> float:
        return self.start + (on - self.first).days * self.width

    def months(self) -> list[date]:
        """The first of each month within."""
        found, on = [], self.first.replace(day=1)
        while on <= self.last:
            if on >= self.first:
                found.append(on)
            on = (on + timedelta(days=32)).replace(day=1)
        return found


def ticks(low: Decimal, high: Decimal, *, most: int = 5) -> list[Decimal]:
    """Round amounts that enclose both ends, at most `most` gaps between them."""
    span = high - low
    if span <= 0:
        return [low]
    size = Decimal(10) ** (span / most).adjusted()
    step = next(size * one for one in _STEPS if size * one * most >= span)
    first, last = (low / step).to_integral_value("ROUND_FLOOR"), (high / step).to_integral_value("ROUND_CEILING")
    return [step * number for number in range(int(first), int(last) + 1)]


def reach(values: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    """The least and the largest, zero among them."""
    found = [Decimal(0), *values]
    return min(found), max(found)
