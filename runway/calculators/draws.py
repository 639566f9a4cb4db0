"""The band: 500 seeded draws of when invoices are paid and of how unplanned weeks go, around the dated flows.

Each invoice has a stream of its own, seeded with its id. So the order of input cannot matter, and a change to one
invoice leaves the draws of all others alone: two answers differ by the decision between them and by nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from operator import add
from random import Random

from infra.money import to_cents
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.outlook import HORIZON_DAYS, WEEKS, DatedFlow, PathRow

DRAWS = 500
# Beyond these the largest one by one are many enough for their lateness to even out: the rest enter by their spread.
DRAWN_INVOICES = 250
_RANKS = (50, 250, 450)  # of 500: the least value that a tenth, a half and nine tenths do not exceed
_MIDDLE = 1  # its place in these
_DAYS = HORIZON_DAYS + 1
_DAYS_A_WEEK = 7
_WHOLE = (Decimal(1),) * WEEKS


@dataclass(frozen=True)
class BandDay:
    """Closing balances that a tenth, a half and nine tenths of the draws do not exceed."""

    on: date
    p10: Decimal
    p50: Decimal
    p90: Decimal


@dataclass(frozen=True)
class Band:
    """T and the 91 days after it."""

    days: tuple[BandDay, ...]

    @property
    def low_p50(self) -> BandDay:
        return min(self.days, key=lambda day: (day.p50, day.on))

    @property
    def low_p10(self) -> BandDay:
        return min(self.days, key=lambda day: (day.p10, day.on))


def seed_of(company_id: str, as_of: date) -> str:
    return f"{company_id}/{as_of.isoformat()}"


@dataclass(frozen=True)
class Draws:
    """What is drawn, kept apart from what is fixed: dated flows only shift every draw by the same amount.

    All amounts in whole cents. A day's index counts from T.

    Attributes:
        fixed: dated flows by day.
        drawn: ids of the invoices that are drawn.
        random: draw → flows by day, and in a last slot what comes after the horizon.
    """

    seed: str
    as_of: date
    opening: int
    fixed: tuple[int, ...]
    drawn: frozenset[str]
    random: tuple[tuple[int, ...], ...]

    @cached_property
    def _quantiles(self) -> list[tuple[int, ...]]:
        by_day = list(zip(*map(accumulate, self.random), strict=True))[:_DAYS]
        return [tuple(ordered[rank - 1] for rank in _RANKS) for ordered in map(sorted, by_day)]

    def middle(self, more: Iterable[DatedFlow] = ()) -> tuple[Decimal, ...]:
        """The P50 closes of `band`, with more dated flows if any: for who asks hundreds of times and needs nothing else."""
        added = _by_day(more, self.as_of)
        base = accumulate(map(add, self.fixed, added), initial=self.opening)
        next(base)
        return tuple(_money(level + values[_MIDDLE]) for level, values in zip(base, self._quantiles, strict=True))

    def band(self) -> Band:
        base = accumulate(self.fixed, initial=self.opening)
        next(base)
        return Band(
            tuple(
                BandDay(self.as_of + timedelta(days=ahead), *(_money(value + level) for value in values))
                for ahead, (level, values) in enumerate(zip(base, self._quantiles, strict=True))
            )
        )

    def shifted(self, flows: Iterable[DatedFlow], *, without: Iterable[DatedFlow] = ()) -> "Draws":
        """With more dated flows, and without some that are in it; costs no new draw."""
        added, taken = _by_day(flows, self.as_of), _by_day(without, self.as_of)
        fixed = [held + more - less for held, more, less in zip(self.fixed, added, taken, strict=True)]
        changed = replace(self, fixed=tuple(fixed))
        if "_quantiles" in self.__dict__:
            changed.__dict__["_quantiles"] = self._quantiles
        return changed

    def with_receipts(self, before: Iterable[ExpectedReceipt], after: Iterable[ExpectedReceipt]) -> "Draws":
        """With other expectations of the same invoices: the same luck, other dates or amounts."""
        rows = [list(row) for row in self.random]
        fixed = list(self.fixed)
        for receipts, sign in ((before, -1), (after, 1)):
            for receipt in receipts:
                if receipt.external_id in self.drawn:
                    _add_drawn(rows, receipt, seed=self.seed, sign=sign)
                else:
                    _add_spread(fixed, receipt, as_of=self.as_of, sign=sign)
        return replace(self, fixed=tuple(fixed), random=tuple(map(tuple, rows)))


def draw(
    opening: Decimal,
    flows: Iterable[DatedFlow],
    *,
    receipts: Sequence[ExpectedReceipt],
    seed: str,
    as_of: date,
    residuals: Mapping[PathRow, Sequence[Decimal]] | None = None,
    week_shares: Mapping[PathRow, Sequence[Decimal]] | None = None,
) -> Draws:
    """Args:
    opening: operating cash at T.
    flows: dated, without the invoices, which `receipts` bring.
    receipts: one an invoice.
    seed: see `seed_of`.
    as_of: T.
    residuals: row → past weeks' actual less predicted flow, signed like flows; one is drawn for each week and row.
    week_shares: row → how much of a residual counts in each week ahead; the whole of it where nothing is said.
    """
    ranked = sorted(receipts, key=lambda item: (-item.amount, item.external_id))
    rows = [[0] * (_DAYS + 1) for _ in range(DRAWS)]
    fixed = _by_day(flows, as_of)
    for receipt in ranked[:DRAWN_INVOICES]:
        _add_drawn(rows, receipt, seed=seed, sign=1)
    for receipt in ranked[DRAWN_INVOICES:]:
        _add_spread(fixed, receipt, as_of=as_of, sign=1)
    for row, weeks in sorted((residuals or {}).items()):
        _add_residuals(rows, sorted(weeks), seed=f"{seed}/{row}", shares=(week_shares or {}).get(row, _WHOLE))
    drawn = frozenset(receipt.external_id for receipt in ranked[:DRAWN_INVOICES])
    return Draws(seed, as_of, _cents(opening), tuple(fixed), drawn, tuple(map(tuple, rows)))


def _add_drawn(rows: Sequence[list[int]], receipt: ExpectedReceipt, *, seed: str, sign: int) -> None:
    """One of its likely days in each draw; days beyond the horizon share the slot after the last."""
    if not receipt.likely_days:
        return
    stream = Random(f"{seed}/{receipt.external_id}")  # noqa: S311  # a simulation; secrecy is no matter
    cents = sign * _cents(receipt.amount)
    days = [min(day, _DAYS) for day in receipt.likely_days]
    for row, day in zip(rows, stream.choices(days, k=DRAWS), strict=True):
        row[day] += cents


def _add_spread(fixed: list[int], receipt: ExpectedReceipt, *, as_of: date, sign: int) -> None:
    for on, amount in receipt.spread():
        if (ahead := (on - as_of).days) < _DAYS:
            fixed[ahead] += sign * _cents(amount)


def _add_residuals(
    rows: Sequence[list[int]], weeks: Sequence[Decimal], *, seed: str, shares: Sequence[Decimal]
) -> None:
    """A past week's residual for each week ahead, a seventh a day, the odd cents on its last."""
    if not weeks or not shares:
        return
    stream = Random(seed)  # noqa: S311  # as above
    by_week = [[divmod(_cents(amount * share), _DAYS_A_WEEK) for amount in weeks] for share in shares]
    for row in rows:
        for week, drawn in enumerate(stream.choices(range(len(weeks)), k=WEEKS)):
            part, odd = by_week[week][drawn]
            first = week * _DAYS_A_WEEK + 1
            for day in range(first, first + _DAYS_A_WEEK):
                row[day] += part
            row[first + _DAYS_A_WEEK - 1] += odd


def _by_day(flows: Iterable[DatedFlow], as_of: date) -> list[int]:
    days = [0] * _DAYS
    first = as_of.toordinal()
    for flow in flows:
        # As `inside` has it: what is overdue counts on T, what is beyond the horizon not at all.
        if (ahead := flow.on.toordinal() - first) < _DAYS:
            days[max(ahead, 0)] += _cents(flow.amount)
    return days


def _cents(amount: Decimal) -> int:
    scaled = amount.scaleb(2)
    cents = int(scaled)
    return (
        cents if cents == scaled else int(to_cents(amount).scaleb(2))
    )  # rounding what is whole costs most of the time


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
