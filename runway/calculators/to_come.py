"""Business that no document shows yet: what will be invoiced or billed after T, and settled within the horizon.

Open documents run off. A path of nothing else would have every company's sales end, and its bills too, some weeks ahead. How soon
what is new is settled, the past tells: of the money that came on a usual day, so much settled documents younger than a week, so
much younger than two. On the d-th day ahead, that share of a usual day's money is not in the books yet.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from infra.money import ZERO, to_cents
from runway.calculators.figures import Basis, Figure
from runway.calculators.outlook import HORIZON_DAYS, WEEKS, DatedFlow, PathRow

_DAYS_A_WEEK = 7
_MIN_WEEKS = 4
_NOTE = "business goes on as in the weeks before; what is not in the books yet"


@dataclass(frozen=True)
class Settled:
    """Money that settled a document, or part of it: `amount` positive, home currency; `party_name` whose document it was.

    `document_id` is the rail's.
    """

    on: date
    issued_on: date
    amount: Decimal
    party_name: str | None = None
    document_id: str = ""


@dataclass(frozen=True)
class ToCome:
    """Attributes:
    by_weekday: the mean of what was settled on each, Monday first; positive.
    weekly: their sum; n counts the weeks.
    shares: of day 1, 2, … ahead: the part that settles what was issued after T. Never falls.
    residuals: each past week less `weekly`, oldest first.
    """

    by_weekday: tuple[Decimal, ...]
    weekly: Figure
    shares: tuple[Decimal, ...]
    residuals: tuple[Decimal, ...]

    def flows(self, row: PathRow, *, as_of: date, sign: int) -> list[DatedFlow]:
        """From the day after T on; `sign` -1 for what goes out."""
        dated = ((as_of + timedelta(days=ahead), share) for ahead, share in enumerate(self.shares, start=1))
        amounts = ((on, to_cents(self.by_weekday[on.weekday()] * share)) for on, share in dated)
        return [DatedFlow(on, sign * amount, row, "to come") for on, amount in amounts if amount]

    def signed_residuals(self, sign: int) -> tuple[Decimal, ...]:
        return tuple(sign * value for value in self.residuals)

    @property
    def week_shares(self) -> tuple[Decimal, ...]:
        """The mean share of each week ahead: a week that is hardly open to new business hardly varies by it."""
        weeks = (self.shares[at : at + _DAYS_A_WEEK] for at in range(0, len(self.shares), _DAYS_A_WEEK))
        return tuple(sum(week, ZERO) / _DAYS_A_WEEK for week in weeks)


def to_come(settled: Iterable[Settled], basis: Basis, *, history: int) -> ToCome:
    """From the last 13 whole weeks; nothing with fewer than four.

    Args:
        settled: what documents were settled with; what other rows bring (payees that come again) taken out already.
        basis: T and the currency.
        history: complete days booked before T.
    """
    count = min(WEEKS, history // _DAYS_A_WEEK)
    if count < _MIN_WEEKS:
        missing = basis.missing("Not enough history", basis.weekly, n=count, n_of="weeks")
        return ToCome((ZERO,) * _DAYS_A_WEEK, missing, (), ())
    first = basis.as_of - timedelta(days=count * _DAYS_A_WEEK)
    recent = [item for item in settled if first <= item.on < basis.as_of and item.amount > 0]
    totals = [ZERO] * count
    days = [ZERO] * _DAYS_A_WEEK
    for item in recent:
        totals[(item.on - first).days // _DAYS_A_WEEK] += item.amount
        days[item.on.weekday()] += item.amount
    by_weekday = tuple(day / count for day in days)
    weekly = sum(by_weekday, ZERO)
    return ToCome(
        by_weekday=by_weekday,
        weekly=basis.figure(to_cents(weekly), basis.weekly, n=count, n_of="weeks", note=_NOTE),
        shares=_shares(recent) if recent else (),
        residuals=tuple(to_cents(total - weekly) for total in totals),
    )


def _shares(settled: Sequence[Settled]) -> tuple[Decimal, ...]:
    """Day d ahead: the part of the money that settled documents issued less than d days before."""
    by_age = sorted((max(0, (item.on - item.issued_on).days), item.amount) for item in settled)
    ages = [age for age, _ in by_age]
    so_far = [ZERO, *accumulate(amount for _, amount in by_age)]
    return tuple(so_far[bisect_right(ages, ahead - 1)] / so_far[-1] for ahead in range(1, HORIZON_DAYS + 1))
