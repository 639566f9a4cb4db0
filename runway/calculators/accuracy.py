"""How good the forecast was: each Monday's, frozen, beside what came; and the grade that follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from infra.money import ZERO, to_cents
from runway.calculators.figures import Basis, Figure

HORIZON_WEEKS = (1, 4, 13)
GRADE_WEEKS = 4
MIN_FORECASTS = 4
PERCENT = "%"
_HUNDRED = Decimal(100)
_FORECASTS = "forecasts"
_COVERED_FROM, _COVERED_TO = Decimal(70), Decimal(90)
_GRADES = ((Decimal(5), "A"), (Decimal(10), "B"), (Decimal(20), "C"))


class Part(StrEnum):
    RECEIPTS = "receipts"
    DISBURSEMENTS = "disbursements"


@dataclass(frozen=True)
class WeekResult:
    """One week of one frozen forecast, complete by now.

    Attributes:
        receipts, disbursements: (forecast, actual), both positive.
        closing: (forecast P50, actual) balance at the week's end.
        band: (P10, P90) of that balance.
    """

    receipts: tuple[Decimal, Decimal]
    disbursements: tuple[Decimal, Decimal]
    closing: tuple[Decimal, Decimal]
    band: tuple[Decimal, Decimal]

    def of(self, part: Part) -> tuple[Decimal, Decimal]:
        return self.receipts if part is Part.RECEIPTS else self.disbursements


@dataclass(frozen=True)
class FrozenForecast:
    """Attributes:
    frozen_on: its Monday.
    weeks: the complete ones, in order, 13 at most.
    is_reconstructed: replayed by bookkeeping dates, not frozen at the time.
    """

    frozen_on: date
    weeks: tuple[WeekResult, ...]
    is_reconstructed: bool = False


@dataclass(frozen=True)
class HorizonAccuracy:
    """At one horizon, of the forecasts whose weeks up to it are complete; all in percent.

    Attributes:
        receipts_wape, disbursements_wape: sum of |forecast - actual| by week, by the sum of |actual|.
        receipts_bias, disbursements_bias: the same with signs; positive forecast too much.
        balance_error: mean |forecast - actual| close of the horizon's last week, by gross monthly outflow.
        coverage: closes of that week inside P10 to P90.
    """

    weeks: int
    receipts_wape: Figure
    receipts_bias: Figure
    disbursements_wape: Figure
    disbursements_bias: Figure
    balance_error: Figure
    coverage: Figure


@dataclass(frozen=True)
class Grade:
    """A to D, with its two numbers and the top reason."""

    letter: str
    balance_error: Figure
    coverage: Figure
    reason: str


def accuracy_at(
    weeks: int, forecasts: Iterable[FrozenForecast], *, gross_monthly_outflow: Decimal, basis: Basis
) -> HorizonAccuracy:
    complete = [item for item in forecasts if len(item.weeks) >= weeks]
    note = "reconstructed" if any(item.is_reconstructed for item in complete) else None
    ends = [item.weeks[weeks - 1] for item in complete]

    def percent(part: Decimal, whole: Decimal, why: str) -> Figure:
        n = len(complete)
        if not complete or not whole:
            reason = why if complete else f"No forecast is {weeks} weeks old"
            return basis.missing(reason, PERCENT, n=n, n_of=_FORECASTS, note=note)
        return basis.figure(to_cents(part / whole * _HUNDRED), PERCENT, n=n, n_of=_FORECASTS, note=note)

    def errors(part: Part) -> tuple[Figure, Figure]:
        pairs = [week.of(part) for item in complete for week in item.weeks[:weeks]]
        actual = sum((abs(came) for _, came in pairs), ZERO)
        missed = sum((abs(said - came) for said, came in pairs), ZERO)
        leaning = sum((said - came for said, came in pairs), ZERO)
        none = f"No {part} in these weeks"
        return percent(missed, actual, none), percent(leaning, actual, none)

    balance = sum((abs(week.closing[0] - week.closing[1]) for week in ends), ZERO)
    covered = sum(week.band[0] <= week.closing[1] <= week.band[1] for week in ends)
    return HorizonAccuracy(
        weeks,
        *errors(Part.RECEIPTS),
        *errors(Part.DISBURSEMENTS),
        balance_error=percent(balance, gross_monthly_outflow * len(ends), "No gross outflow to measure by"),
        coverage=percent(Decimal(covered), Decimal(len(ends)), ""),
    )


def grade(at_four_weeks: HorizonAccuracy, forecasts: Sequence[FrozenForecast]) -> Grade:
    """A needs both numbers; a band that covers too much or too little costs the A and nothing more.

    Args:
        at_four_weeks: see `accuracy_at`.
        forecasts: all frozen, for naming what missed most.
    """
    error, coverage = at_four_weeks.balance_error, at_four_weeks.coverage
    if error.value is None or coverage.value is None or error.n < MIN_FORECASTS:
        reason = f"{error.n} of {MIN_FORECASTS} forecasts are {GRADE_WEEKS} weeks old"
        return Grade("D", error, coverage, error.reason if error.reason and error.n >= MIN_FORECASTS else reason)
    letter = next((letter for limit, letter in _GRADES if error.value <= limit), "D")
    is_covered = _COVERED_FROM <= coverage.value <= _COVERED_TO
    if letter == "A" and not is_covered:
        side = "too wide" if coverage.value > _COVERED_TO else "too narrow"
        return Grade("B", error, coverage, f"the band is {side}: {coverage.value} % of closes were inside")
    return Grade(letter, error, coverage, _top_reason(at_four_weeks.weeks, forecasts))


def _top_reason(weeks: int, forecasts: Sequence[FrozenForecast]) -> str:
    """The side that missed the more money, and which way."""
    sides = {}
    for part in Part:
        pairs = [week.of(part) for item in forecasts if len(item.weeks) >= weeks for week in item.weeks[:weeks]]
        sides[part] = (sum((abs(a - b) for a, b in pairs), ZERO), sum((a - b for a, b in pairs), ZERO))
    part = max(Part, key=lambda side: sides[side][0])
    missed, leaning = sides[part]
    if not missed:
        return "receipts and disbursements came as forecast"
    way = "over" if leaning > 0 else "under"
    return f"{part} missed by {to_cents(missed):,} over {weeks} weeks, net {to_cents(abs(leaning)):,} {way} forecast"
