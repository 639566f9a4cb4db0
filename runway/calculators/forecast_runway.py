"""The headline: how many days until the middle path is below the floor, and every case in which that would mislead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from infra.money import ZERO, to_cents
from runway.calculators.burn import NOT_ENOUGH_HISTORY, BurnWindow
from runway.calculators.burn_runway import (
    CAP_DAYS,
    CAPPED,
    CASH_POSITIVE,
    LOW_POINT_WEEKS,
    LowPoint,
    RunwayState,
    burn_note,
)
from runway.calculators.draws import Band, BandDay
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.floor import BelowFloorSince
from runway.calculators.outlook import HORIZON_DAYS

_DASH = "\N{EN DASH}"
_UNKNOWN = "Cash is unknown"


class Steady(Protocol):
    """What goes on after the horizon: a net outflow over so many days, if these are enough to tell."""

    @property
    def net_outflow(self) -> Decimal: ...
    @property
    def days(self) -> int: ...
    @property
    def is_enough(self) -> bool: ...


@dataclass(frozen=True)
class Crossing:
    """When one path is first below a level. `days` is None when it is not within 24 months or never."""

    days: int | None
    is_beyond_horizon: bool = False
    is_beyond_cap: bool = False

    def on(self, as_of: date) -> date | None:
        return None if self.days is None else as_of + timedelta(days=self.days)


@dataclass(frozen=True)
class ForecastRunway:
    """Attributes:
    days: P50. Has a value in the states below_floor (0), finite and beyond_cap.
    early, late: P10 and P90 crossing the floor.
    display: what to show; the age of the books is told beside it.
    floor_on, zero_on: the day on which P50 is first below the floor, and below zero.
    below_since: in below_floor alone.
    low_point, low_point_p10: the lowest closes of the 13 weeks. In cash_unknown the days alone: no level follows from flows.
    """

    state: RunwayState
    days: Figure
    early: Crossing
    late: Crossing
    display: str
    floor_on: date | None
    zero_on: date | None
    low_point: LowPoint
    low_point_p10: LowPoint
    below_since: BelowFloorSince | None = None


def forecast_runway(
    cash: Figure,
    floor: Figure,
    *,
    band: Band,
    burn: BurnWindow,
    basis: Basis,
    below_since: Callable[[], BelowFloorSince],
    n: int,
) -> ForecastRunway:
    """The first row of the table that holds. A crossing wins over a net burn of zero or less: lumps are real.

    Args:
        cash: operating cash; without value nothing crosses anything, and of `band` only the day of its low point is told.
        floor: without value (too little history for a default), the floor is zero and the figure says so.
        band: around the path that starts with `cash`.
        burn: the main window; continues the path after day 91.
        basis: T and the currency.
        below_since: asked only in the state below_floor.
        n: documents that fed the path.
    """
    if cash.value is None:
        return _unknown(cash, band, basis, n=n)
    level = floor.value if floor.value is not None else ZERO
    middle = _crossing(band, lambda day: day.p50, level=level, burn=burn)
    early = _crossing(band, lambda day: day.p10, level=level, burn=burn)
    late = _crossing(band, lambda day: day.p90, level=level, burn=burn)
    state = _state(cash, level, middle, burn=burn)
    since = below_since() if state is RunwayState.BELOW_FLOOR else None
    note = _note(floor, middle, burn=burn)
    low = _low(band.low_p50.p50, band.low_p50, basis, n=n)
    return ForecastRunway(
        state=state,
        days=_days(state, middle, cash, basis=basis, n=n, note=note),
        early=early,
        late=late,
        display=_display(state, middle, (early, late), cash=cash, burn=burn, since=since, low=low),
        floor_on=basis.as_of if since else middle.on(basis.as_of),
        zero_on=_crossing(band, lambda day: day.p50, level=ZERO, burn=burn).on(basis.as_of),
        low_point=low,
        low_point_p10=_low(band.low_p10.p10, band.low_p10, basis, n=n),
        below_since=since,
    )


def _unknown(cash: Figure, band: Band, basis: Basis, *, n: int) -> ForecastRunway:
    """Flows alone say when cash is lowest, not how low that is."""
    why = cash.reason or _UNKNOWN
    lows = [
        LowPoint(basis.missing(why, basis.currency, n=n, n_of="documents"), day.on)
        for day in (band.low_p50, band.low_p10)
    ]
    return ForecastRunway(
        state=RunwayState.CASH_UNKNOWN,
        days=basis.missing(why, DAYS, n=n, n_of="documents"),
        early=Crossing(None),
        late=Crossing(None),
        display=why,
        floor_on=None,
        zero_on=None,
        low_point=lows[0],
        low_point_p10=lows[1],
    )


def middle_days(
    cash: Figure, floor: Figure, *, closes: Sequence[Decimal], burn: BurnWindow, basis: Basis, n: int
) -> Figure:
    """The days that `forecast_runway` would give for a middle path of these closes (T first), and nothing else of it."""
    level = floor.value if floor.value is not None else ZERO
    middle = crossing_of(closes, level=level, burn=burn)
    return _days(_state(cash, level, middle, burn=burn), middle, cash, basis=basis, n=n, note=None)


def _crossing(band: Band, path: Callable[[BandDay], Decimal], *, level: Decimal, burn: BurnWindow) -> Crossing:
    return crossing_of([path(day) for day in band.days], level=level, burn=burn)


def crossing_of(closes: Sequence[Decimal], *, level: Decimal, burn: Steady) -> Crossing:
    """Of closes by day, T first; after the last of them `burn` goes on."""
    for ahead, close in enumerate(closes):
        if close < level:
            return Crossing(ahead)
    if not burn.is_enough or burn.net_outflow <= 0:
        return Crossing(None)
    # Steady net burn from day 91: the first day below, so one after the last that it covers.
    lasts = int((closes[-1] - level) * burn.days // burn.net_outflow)
    days = HORIZON_DAYS + lasts + 1
    if days > CAP_DAYS:
        return Crossing(None, is_beyond_horizon=True, is_beyond_cap=True)
    return Crossing(days, is_beyond_horizon=True)


def _state(cash: Figure, level: Decimal, middle: Crossing, *, burn: BurnWindow) -> RunwayState:
    if cash.value is None:
        return RunwayState.CASH_UNKNOWN
    if cash.value <= level:
        return RunwayState.BELOW_FLOOR
    if middle.days is not None:
        return RunwayState.FINITE
    if not burn.is_enough:
        return RunwayState.NOT_ENOUGH_HISTORY
    return RunwayState.BEYOND_CAP if middle.is_beyond_cap else RunwayState.CASH_POSITIVE


def _days(state: RunwayState, middle: Crossing, cash: Figure, *, basis: Basis, n: int, note: str | None) -> Figure:
    match state:
        case RunwayState.BELOW_FLOOR:
            return basis.figure(ZERO, DAYS, n=n, n_of="documents", note=note)
        case RunwayState.FINITE:
            return basis.figure(Decimal(middle.days or 0), DAYS, n=n, n_of="documents", note=note)
        case RunwayState.BEYOND_CAP:
            # The cap is a bound that we know; more would be a straight line posing as knowledge.
            return basis.figure(Decimal(CAP_DAYS), DAYS, n=n, n_of="documents", note=note)
        case RunwayState.CASH_POSITIVE:
            return basis.missing(CASH_POSITIVE, DAYS, n=n, n_of="documents", note=note)
        case RunwayState.NOT_ENOUGH_HISTORY:
            return basis.missing(NOT_ENOUGH_HISTORY, DAYS, n=n, n_of="documents", note=note)
        case RunwayState.CASH_UNKNOWN:
            return basis.missing(cash.reason or _UNKNOWN, DAYS, n=n, n_of="documents")


def _note(floor: Figure, middle: Crossing, *, burn: BurnWindow) -> str | None:
    parts = []
    if floor.value is None:
        parts.append("no floor known, measured to zero")
    if not burn.is_enough:
        parts.append("dated items only")
    elif middle.is_beyond_horizon:
        parts.append(f"steady net burn of {burn.days} days continues it after {LOW_POINT_WEEKS} weeks")
    if reduced := burn_note(burn):
        parts.append(reduced)
    return "; ".join(parts) or None


def _low(amount: Decimal, day: BandDay, basis: Basis, *, n: int) -> LowPoint:
    return LowPoint(basis.figure(amount, basis.currency, n=n, n_of="documents"), day.on)


def _display(
    state: RunwayState,
    middle: Crossing,
    band: tuple[Crossing, Crossing],
    *,
    cash: Figure,
    burn: BurnWindow,
    since: BelowFloorSince | None,
    low: LowPoint,
) -> str:
    lowest = (
        f"lowest point in {LOW_POINT_WEEKS} weeks: {to_cents(low.amount.value or ZERO):,} {low.amount.unit} on {low.on}"
    )
    match state:
        case RunwayState.CASH_UNKNOWN:
            return cash.reason or _UNKNOWN
        case RunwayState.BELOW_FLOOR:
            exact = "" if since is None or since.is_exact else "at least "
            return f"0 days {_DASH} below floor since {exact}{since.on if since else ''}"
        case RunwayState.NOT_ENOUGH_HISTORY:
            return f"{NOT_ENOUGH_HISTORY} {_DASH} {lowest} by dated items"
        case RunwayState.CASH_POSITIVE:
            text = f"{CASH_POSITIVE} {_DASH} {lowest}"
        case RunwayState.BEYOND_CAP:
            text = CAPPED
        case RunwayState.FINITE:
            text = f"{'1 day' if middle.days == 1 else f'{middle.days} days'}{_range(*band)}"
    return f"{text} {_DASH} {note}" if (note := burn_note(burn)) else text


def _range(early: Crossing, late: Crossing) -> str:
    """(33-61); open at its end when P90 does not cross."""
    if early.days is None:
        return ""
    end = f"{_DASH}{late.days}" if late.days is not None else "+"
    return f" ({early.days}{end})"
