from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.burn import BurnWindow, burn_window
from runway.calculators.burn_runway import RunwayState
from runway.calculators.draws import Band, BandDay, draw
from runway.calculators.figures import Figure
from runway.calculators.floor import BelowFloorSince
from runway.calculators.flows import FlowRules, classify
from runway.calculators.forecast_runway import ForecastRunway, forecast_runway
from runway.calculators.outlook import DatedFlow
from tests.unit.runway.calculators.making import BASIS, CHART, T, daily_rent, whole, wholes
from tests.unit.runway.calculators.test_outlook import FLOWS, make_flow

SINCE = BelowFloorSince(date(2025, 11, 1), is_exact=True)
LOW = "lowest point in 13 weeks:"


def make_burn(daily: int, days: int = 90) -> BurnWindow:
    """Net burn a day; negative when cash grows."""
    flows = classify(daily_rent(daily, days), CHART, rules=FlowRules())
    return burn_window(flows, BASIS, asked_days=90, history=days)


def money(value: Decimal | int | None) -> Figure:
    if value is None:
        return BASIS.missing("Unknown", "USD", n=0, n_of="accounts")
    return BASIS.figure(Decimal(value), "USD", n=1, n_of="accounts")


def make_runway(
    *flows: DatedFlow, cash: int | None = 1000, floor: int | None = 100, burn: BurnWindow | None = None
) -> ForecastRunway:
    band = draw(Decimal(cash or 0), flows, receipts=[], seed="s", as_of=T).band()
    return forecast_runway(
        money(cash), money(floor), band=band, burn=burn or make_burn(0), basis=BASIS, below_since=lambda: SINCE, n=3
    )


def test_finite_with_its_range() -> None:
    """Three straight lines: 10, 20 and 30 a day from 1000 down; first below 100 on days 31, 46 and 91."""
    days = [
        BandDay(T + timedelta(days=d), Decimal(1000 - 30 * d), Decimal(1000 - 20 * d), Decimal(1000 - 10 * d))
        for d in range(92)
    ]
    got = forecast_runway(
        money(1000), money(100), band=Band(tuple(days)), burn=make_burn(0), basis=BASIS, below_since=lambda: SINCE, n=3
    )
    assert (got.state, whole(got.days.value), got.display) == (RunwayState.FINITE, 46, "46 days (31\N{EN DASH}91)")
    assert (got.floor_on, got.zero_on) == (T + timedelta(days=46), T + timedelta(days=51))
    assert wholes(got.low_point.amount.value, got.low_point_p10.amount.value) == [-820, -1730]


def test_lumpy_but_positive_the_crossing_wins() -> None:
    got = make_runway(make_flow(-950, 20), burn=make_burn(-10))
    assert (got.state, whole(got.days.value)) == (RunwayState.FINITE, 20)


def test_cash_positive_names_the_lowest_point() -> None:
    got = make_runway(make_flow(-500, 20), make_flow(800, 30), burn=make_burn(-10))
    assert (got.state, whole(got.days.value), got.days.reason) == (
        RunwayState.CASH_POSITIVE,
        None,
        "No cash-out in sight",
    )
    assert got.display == f"No cash-out in sight \N{EN DASH} {LOW} 500.00 USD on 2025-12-11"


def test_at_the_floor_today_is_below_it_and_zero_has_a_date() -> None:
    got = make_runway(make_flow(-101, 9), cash=100)
    assert (got.state, whole(got.days.value), got.display) == (
        RunwayState.BELOW_FLOOR,
        0,
        "0 days \N{EN DASH} below floor since 2025-11-01",
    )
    assert (got.floor_on, got.zero_on) == (T, T + timedelta(days=9))


def test_no_crossing_continues_at_steady_burn() -> None:
    # 900 above the floor at day 91, 10 a day: covered for 90 days, below on the next.
    got = make_runway(burn=make_burn(10))
    assert (got.state, whole(got.days.value), got.display) == (RunwayState.FINITE, 182, "182 days (182\N{EN DASH}182)")
    assert got.days.note == "steady net burn of 90 days continues it after 13 weeks"


@pytest.mark.parametrize(("cash", "state"), [(6480, RunwayState.FINITE), (6490, RunwayState.BEYOND_CAP)])
def test_the_cap(cash: int, state: RunwayState) -> None:
    # (6480 - 100) / 10 = 638 days after day 91, the next is day 730; ten more is one day too many.
    got = make_runway(cash=cash, burn=make_burn(10))
    assert (got.state, whole(got.days.value)) == (state, 730)
    assert got.display == ("24+ months" if state is RunwayState.BEYOND_CAP else "730 days (730\N{EN DASH}730)")


def test_little_history_uses_dated_items_only() -> None:
    burn = make_burn(10, days=27)
    assert make_runway(burn=burn).display == (
        f"Not enough history \N{EN DASH} {LOW} 1,000.00 USD on 2025-11-21 by dated items"
    )
    crossing = make_runway(make_flow(-950, 5), burn=burn, floor=None)
    assert (crossing.state, whole(crossing.days.value)) == (RunwayState.NOT_ENOUGH_HISTORY, None)
    broke = make_runway(make_flow(-1050, 5), burn=burn, floor=None)
    assert (broke.state, whole(broke.days.value)) == (RunwayState.FINITE, 5)
    assert broke.days.note == "no floor known, measured to zero; dated items only"


def test_a_reduced_window_is_told() -> None:
    assert make_runway(burn=make_burn(10, days=45)).display.endswith("\N{EN DASH} based on 45 days")


def test_cash_unknown() -> None:
    """No level follows from flows alone: neither a day below one, nor how low it gets; only when."""
    got = make_runway(make_flow(-950, 5), cash=None)
    assert (got.state, got.display, got.days.reason) == (RunwayState.CASH_UNKNOWN, "Unknown", "Unknown")
    assert (got.floor_on, got.zero_on, got.early.days, got.late.days) == (None, None, None, None)
    for low in (got.low_point, got.low_point_p10):
        assert (low.amount.value, low.amount.reason, low.on) == (None, "Unknown", T + timedelta(days=5))


def test_an_open_range_when_the_good_path_does_not_cross() -> None:
    days = [
        BandDay(T + timedelta(days=d), Decimal(50 if d > 9 else 200), Decimal(50 if d > 19 else 200), Decimal(200))
        for d in range(92)
    ]
    got = forecast_runway(
        money(200), money(100), band=Band(tuple(days)), burn=make_burn(0), basis=BASIS, below_since=lambda: SINCE, n=3
    )
    assert got.display == "20 days (10+)"


@given(FLOWS, st.integers(101, 9999), st.integers(0, 5000), st.integers(-20, 50))
def test_more_cash_never_shortens_runway(flows: list[DatedFlow], cash: int, more: int, burn: int) -> None:
    window = make_burn(burn)
    less = make_runway(*flows, cash=cash, burn=window).days.value
    greater = make_runway(*flows, cash=cash + more, burn=window).days.value
    assert greater is None or (less is not None and greater >= less)
