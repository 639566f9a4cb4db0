"""How late invoices were paid: weighted points from paid invoices, and their distribution.

Weights are integers, so that no order of input and no order of addition can change a quantile.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Self

from infra.money import ZERO
from runway.calculators.ageing import Application

ONE = 1_000_000  # the weight of one invoice paid on T
WINDOW_DAYS = 730
HALF_LIFE_DAYS = 182
_PAID_SHARE = Decimal("0.95")  # a residue of two dollars leaves no invoice open


@dataclass(frozen=True)
class InvoiceHistory:
    """An invoice and what was applied to it; `total` in any one currency, the same as the applications'."""

    customer_id: str
    due_on: date
    total: Decimal
    applied: tuple[Application, ...]


@dataclass(frozen=True)
class LatePoint:
    """One payment of a paid invoice: `days_late` negative when early, `weight` in parts of `ONE`."""

    paid_on: date
    days_late: int
    weight: int


def late_points(invoice: InvoiceHistory, as_of: date) -> tuple[LatePoint, ...]:
    """Its payments up to the day on which 95 % were paid, each weighing its share; none while it is open on `as_of`.

    The shares of one invoice add up to one invoice. A point's weight halves every 182 days and ends after 730.
    """
    if invoice.total <= 0:
        return ()
    by_day: dict[date, Decimal] = {}
    for item in invoice.applied:
        if item.on <= as_of:
            by_day[item.on] = by_day.get(item.on, ZERO) + item.amount
    so_far, parts = ZERO, []
    for day in sorted(by_day):
        so_far += by_day[day]
        parts.append((day, by_day[day]))
        if so_far >= invoice.total * _PAID_SHARE:
            points = (_point(invoice, day, share=part / so_far, as_of=as_of) for day, part in parts if part > 0)
            return tuple(point for point in points if point.weight)
    return ()


def _point(invoice: InvoiceHistory, paid_on: date, *, share: Decimal, as_of: date) -> LatePoint:
    age = (as_of - paid_on).days
    recency = 0.5 ** (age / HALF_LIFE_DAYS) if age <= WINDOW_DAYS else 0.0
    return LatePoint(paid_on, (paid_on - invoice.due_on).days, round(ONE * float(share) * recency))


@dataclass(frozen=True)
class Lateness:
    """A weighted distribution of days late. `days` ascending and distinct; `cumulative` the weight up to each."""

    days: tuple[int, ...] = ()
    cumulative: tuple[int, ...] = ()

    @classmethod
    def of(cls, weighted: Iterable[tuple[int, int]]) -> Self:
        """From (days late, weight) pairs in any order."""
        weights: Counter[int] = Counter()
        for day, weight in weighted:
            weights[day] += weight
        days = tuple(sorted(day for day, weight in weights.items() if weight > 0))
        return cls(days, tuple(accumulate(weights[day] for day in days)))

    @property
    def weight(self) -> int:
        return self.cumulative[-1] if self.cumulative else 0

    def pairs(self) -> list[tuple[int, int]]:
        before = (0, *self.cumulative)
        return [(day, after - before[i]) for i, (day, after) in enumerate(zip(self.days, self.cumulative, strict=True))]

    def scaled_to(self, weight: int) -> "Lateness":
        """The same shape with another total (to within rounding); nothing stays nothing."""
        return Lateness.of((day, part * weight // self.weight) for day, part in self.pairs())

    def mixed_with(self, other: "Lateness") -> "Lateness":
        return Lateness.of([*self.pairs(), *other.pairs()])

    def weight_beyond(self, days: int) -> int:
        """Of the values greater than `days`."""
        return self.weight - self._weight_to(days)

    def quantile(self, per_mille: int, *, beyond: int | None = None) -> int:
        """The least value that at least `per_mille` thousandths of the weight (greater than `beyond`) do not exceed.

        Raises:
            ValueError: no weight there.
        """
        return self.quantiles((per_mille,), beyond=beyond)[0]

    def quantiles(self, per_mille: Iterable[int], *, beyond: int | None = None) -> list[int]:
        """Several at once: thousands of open invoices ask for fifty each."""
        base = 0 if beyond is None else self._weight_to(beyond)
        rest, days, cumulative = self.weight - base, self.days, self.cumulative
        if not rest:
            raise ValueError("An empty distribution has no quantile.")
        return [days[bisect_left(cumulative, base + (-(-rest * q // 1000) or 1))] for q in per_mille]

    def mean_excess(self, days: int) -> float | None:
        """Mean of (value - `days`) over the values greater than `days`; None when there are none."""
        above = [(day - days, weight) for day, weight in self.pairs() if day > days]
        total = sum(weight for _, weight in above)
        return sum(excess * weight for excess, weight in above) / total if total else None

    def _weight_to(self, days: int) -> int:
        index = bisect_right(self.days, days)
        return self.cumulative[index - 1] if index else 0
