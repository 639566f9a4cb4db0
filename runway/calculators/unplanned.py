"""What no document and no rhythm explains: a usual week, by weekday, shown as a row of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from infra.money import ZERO, to_cents
from runway.calculators.figures import Basis, Figure
from runway.calculators.outlook import HORIZON_DAYS, WEEKS, DatedFlow, PathRow

_DAYS_A_WEEK = 7
_MIN_WEEKS = 4


@dataclass(frozen=True)
class WeekdayProfile:
    """Attributes:
    by_weekday: Monday first; positive.
    weekly: their sum; n counts the weeks.
    residuals: each past week less `weekly`, oldest first: what the band draws from. Spikes live here.
    """

    by_weekday: tuple[Decimal, ...]
    weekly: Figure
    residuals: tuple[Decimal, ...]

    def flows(self, row: PathRow, *, as_of: date, sign: int) -> list[DatedFlow]:
        """From the day after T on; `sign` -1 for what goes out."""
        days = (as_of + timedelta(days=ahead) for ahead in range(1, HORIZON_DAYS + 1))
        return [
            DatedFlow(on, sign * self.by_weekday[on.weekday()], row, "profile")
            for on in days
            if self.by_weekday[on.weekday()]
        ]

    def signed_residuals(self, sign: int) -> tuple[Decimal, ...]:
        return tuple(sign * value for value in self.residuals)


def weekday_profile(amounts: Iterable[tuple[date, Decimal]], basis: Basis, *, history: int) -> WeekdayProfile:
    """The median of each weekday over the last 13 whole weeks, topped up to the median week.

    Medians alone would forget what comes every week on another weekday, so what the weekdays' medians lack of the
    median week is spread by the weekdays' shares of all there was.

    Args:
        amounts: (day, positive amount), recurring and documented parts taken out already.
        basis: T and the currency.
        history: complete days booked before T.
    """
    count = min(WEEKS, history // _DAYS_A_WEEK)
    if count < _MIN_WEEKS:
        missing = basis.missing("Not enough history", basis.weekly, n=count, n_of="weeks")
        return WeekdayProfile((ZERO,) * _DAYS_A_WEEK, missing, ())
    weeks = _weeks(amounts, basis.as_of, count=count)
    totals = [sum(week, ZERO) for week in weeks]
    middles = [median(week[day] for week in weeks) for day in range(_DAYS_A_WEEK)]
    lacking, everything = median(totals) - sum(middles, ZERO), sum(totals, ZERO)
    if lacking > 0 and everything > 0:
        shares = [sum((week[day] for week in weeks), ZERO) / everything for day in range(_DAYS_A_WEEK)]
        middles = [middle + lacking * share for middle, share in zip(middles, shares, strict=True)]
    by_weekday = tuple(map(to_cents, middles))
    weekly = sum(by_weekday, ZERO)
    return WeekdayProfile(
        by_weekday=by_weekday,
        weekly=basis.figure(weekly, basis.weekly, n=count, n_of="weeks", note="a usual week, taken to come again"),
        residuals=tuple(total - weekly for total in totals),
    )


def _weeks(amounts: Iterable[tuple[date, Decimal]], as_of: date, *, count: int) -> list[list[Decimal]]:
    """Week → weekday → total, oldest week first; the last ends the day before T."""
    weeks = [[ZERO] * _DAYS_A_WEEK for _ in range(count)]
    first = as_of - timedelta(days=count * _DAYS_A_WEEK)
    for on, amount in amounts:
        if first <= on < as_of:
            weeks[(on - first).days // _DAYS_A_WEEK][on.weekday()] += amount
    return weeks
