"""Burn runway: (cash - floor) / net burn a day, and the table of cases in which that number would mislead."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from infra.money import ZERO, to_cents
from runway.calculators.burn import NOT_ENOUGH_HISTORY, BurnWindow
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.floor import BelowFloorSince

CAP_DAYS = 730
CAPPED = "24+ months"
CASH_POSITIVE = "No cash-out in sight"
LOW_POINT_WEEKS = 13


class RunwayState(StrEnum):
    """Which row of the table holds. At most one does; staleness and reduced windows are told beside it."""

    CASH_UNKNOWN = "cash_unknown"
    BELOW_FLOOR = "below_floor"
    NOT_ENOUGH_HISTORY = "not_enough_history"
    CASH_POSITIVE = "cash_positive"
    BEYOND_CAP = "beyond_cap"
    FINITE = "finite"


@dataclass(frozen=True)
class LowPoint:
    """The lowest closing cash of the next 13 weeks and its day."""

    amount: Figure
    on: date


@dataclass(frozen=True)
class BurnRunway:
    """Attributes:
    days: whole days, a part of a day not counted. Has a value in the states below_floor (0), finite and beyond_cap.
    display: what to show; reduced windows are said in it, the age of the books is not.
    floor_on, zero_on: the day on which cash reaches the floor, and zero; None when it does not within 24 months.
    below_since: set in below_floor alone.
    low_point: set in cash_positive alone.
    """

    state: RunwayState
    days: Figure
    display: str
    floor_on: date | None
    zero_on: date | None
    below_since: BelowFloorSince | None = None
    low_point: LowPoint | None = None


def burn_runway(
    cash: Figure,
    floor: Figure,
    *,
    burn: BurnWindow,
    basis: Basis,
    below_since: Callable[[], BelowFloorSince],
    low_point: LowPoint | None = None,
) -> BurnRunway:
    """The first row of the table that holds, with its display.

    A net burn of zero or less is `cash_positive` here, because steady burn knows no lumps. A path that does cross the
    floor wins over that row: whoever has such a path decides before asking, and passes its `low_point` otherwise.

    Args:
        cash: operating cash.
        floor: without value only where burn has none either.
        burn: the main window.
        basis: T and the currency.
        below_since: asked only in the state below_floor.
        low_point: of a forecast; None takes the straight line of steady burn, whose lowest day is today.
    """
    state = _state(cash, floor, burn)
    days = _days(state, cash, floor, burn=burn, basis=basis)
    since = below_since() if state is RunwayState.BELOW_FLOOR else None
    low = (low_point or _steady_low_point(cash, basis)) if state is RunwayState.CASH_POSITIVE else None
    return BurnRunway(
        state=state,
        days=days,
        display=_display(state, days, burn=burn, since=since, low=low),
        floor_on=basis.as_of if since else _reached_on(cash, floor.value, burn=burn, as_of=basis.as_of),
        zero_on=_reached_on(cash, ZERO, burn=burn, as_of=basis.as_of),
        below_since=since,
        low_point=low,
    )


def coverage_days(cash: Figure, burn: BurnWindow, basis: Basis) -> Figure:
    """Cash buffer days: how long cash lasts if no customer paid. Whole days; a benchmark, never a runway."""
    if cash.value is None:
        return basis.missing(cash.reason or "Cash is unknown", DAYS, n=burn.days, n_of=DAYS)
    if not burn.is_enough:
        return basis.missing(NOT_ENOUGH_HISTORY, DAYS, n=burn.days, n_of=DAYS)
    if not burn.outflow:
        return basis.missing(f"No operating cash went out in {burn.days} days", DAYS, n=burn.days, n_of=DAYS)
    return basis.figure(_whole_days(cash.value, burn.outflow, burn), DAYS, n=burn.days, n_of=DAYS, note=burn_note(burn))


def burn_note(burn: BurnWindow) -> str | None:
    return f"based on {burn.days} days" if burn.is_reduced else None


def _state(cash: Figure, floor: Figure, burn: BurnWindow) -> RunwayState:
    """Order matters: being below the floor needs no history, and nothing but it may hide it."""
    if cash.value is None:
        return RunwayState.CASH_UNKNOWN
    if floor.value is not None and cash.value <= floor.value:
        return RunwayState.BELOW_FLOOR
    if floor.value is None or not burn.is_enough:
        return RunwayState.NOT_ENOUGH_HISTORY
    if burn.net_outflow <= 0:
        return RunwayState.CASH_POSITIVE
    days = _whole_days(cash.value - floor.value, burn.net_outflow, burn)
    return RunwayState.BEYOND_CAP if days > CAP_DAYS else RunwayState.FINITE


def _days(state: RunwayState, cash: Figure, floor: Figure, *, burn: BurnWindow, basis: Basis) -> Figure:
    n, note = burn.days, burn_note(burn)
    if state is RunwayState.BELOW_FLOOR:
        return basis.figure(ZERO, DAYS, n=n, n_of=DAYS, note=note)
    if state in {RunwayState.FINITE, RunwayState.BEYOND_CAP} and cash.value is not None and floor.value is not None:
        days = _whole_days(cash.value - floor.value, burn.net_outflow, burn)
        return basis.figure(days, DAYS, n=n, n_of=DAYS, note=note)
    if state is RunwayState.CASH_UNKNOWN:
        return basis.missing(cash.reason or "Cash is unknown", DAYS, n=n, n_of=DAYS)
    reason = CASH_POSITIVE if state is RunwayState.CASH_POSITIVE else NOT_ENOUGH_HISTORY
    return basis.missing(reason, DAYS, n=n, n_of=DAYS, note=note)


def _whole_days(amount: Decimal, outflow: Decimal, burn: BurnWindow) -> Decimal:
    """Of what `amount` lasts; multiplied before dividing, so that 90 days of 1/3 dollar stay exact."""
    return max(ZERO, amount * burn.days // outflow)


def _reached_on(cash: Figure, level: Decimal | None, *, burn: BurnWindow, as_of: date) -> date | None:
    """The day on which steady net burn brings cash down to `level`; today when it is there already."""
    if cash.value is None or level is None:
        return None
    if cash.value <= level:
        return as_of
    if not burn.is_enough or burn.net_outflow <= 0:
        return None
    days = _whole_days(cash.value - level, burn.net_outflow, burn)
    # Beyond the cap a date would pose as knowledge, and far beyond it there is no such date.
    return as_of + timedelta(days=int(days)) if days <= CAP_DAYS else None


def _steady_low_point(cash: Figure, basis: Basis) -> LowPoint:
    amount = basis.figure(
        cash.value or ZERO, basis.currency, n=cash.n, n_of=cash.n_of, note="steady burn; dated items are not in it"
    )
    return LowPoint(amount, basis.as_of)


def _display(
    state: RunwayState, days: Figure, *, burn: BurnWindow, since: BelowFloorSince | None, low: LowPoint | None
) -> str:
    if state is RunwayState.CASH_UNKNOWN:
        return days.reason or ""
    if state is RunwayState.NOT_ENOUGH_HISTORY:
        return NOT_ENOUGH_HISTORY
    if since:
        return f"0 days \N{EN DASH} below floor since {'' if since.is_exact else 'at least '}{since.on}"
    if low:
        lowest = to_cents(low.amount.value or ZERO)
        text = f"{CASH_POSITIVE} \N{EN DASH} lowest point in {LOW_POINT_WEEKS} weeks: {lowest:,} {low.amount.unit} on {low.on}"
    elif state is RunwayState.BEYOND_CAP:
        text = CAPPED
    else:
        text = "1 day" if days.value == 1 else f"{days.value} days"
    return f"{text} \N{EN DASH} {note}" if (note := burn_note(burn)) else text
