from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.burn_runway import BurnRunway, LowPoint, RunwayState
from runway.calculators.floor import AbsoluteFloor, DefaultFloor, FloorPolicy
from runway.calculators.quality import BillEntry
from runway.calculators.runway import RunwayCalculator, RunwayReport
from tests.unit.runway.calculators.making import (
    BASIS,
    NOW,
    T,
    daily_rent,
    make_account,
    make_inputs,
    make_movement,
)

NO_FLOOR = AbsoluteFloor(Decimal(0))


def report(
    cash: Decimal | int | str, *, rent: int = 100, days: int = 90, floor: FloorPolicy = NO_FLOOR
) -> RunwayReport:
    return RunwayCalculator(floor=floor).calculate(make_inputs(daily_rent(rent, days), cash))


def runway(cash: Decimal | int | str, *, rent: int = 100, days: int = 90, floor: FloorPolicy = NO_FLOOR) -> BurnRunway:
    return report(cash, rent=rent, days=days, floor=floor).runway


def test_runway_is_measured_to_the_floor_and_zero_stands_under_it() -> None:
    result = runway(10000, floor=AbsoluteFloor(Decimal(5300)))
    assert (result.state, result.days.value, result.display) == (RunwayState.FINITE, Decimal(47), "47 days")
    assert (result.floor_on, result.zero_on) == (T + timedelta(days=47), T + timedelta(days=100))
    assert (result.days.unit, result.days.n, result.days.as_of, result.days.source) == ("days", 90, T, "qbo")


def test_default_floor_is_seven_days_of_gross_burn() -> None:
    assert runway(10000, floor=DefaultFloor()).days.value == Decimal(93)


def test_a_part_of_a_day_is_not_counted() -> None:
    assert runway("199.99").display == "1 day"
    assert runway("99.99").display == "0 days"


def test_thirds_stay_exact() -> None:
    movements = [make_movement(-100, 90), make_movement(-100, 60), make_movement(-100, 30)]
    inputs = make_inputs(movements, Decimal(10))
    assert RunwayCalculator(floor=NO_FLOOR).calculate(inputs).runway.days.value == Decimal(3)


@pytest.mark.parametrize(("cash", "is_below"), [("500.01", False), ("500", True), ("499.99", True), ("-20", True)])
def test_at_the_floor_is_below_it(cash: str, *, is_below: bool) -> None:
    result = runway(cash, floor=AbsoluteFloor(Decimal(500)))
    assert (result.state is RunwayState.BELOW_FLOOR) is is_below
    if is_below:
        assert (result.days.value, result.floor_on) == (Decimal(0), T)


def test_below_the_floor_says_since_when_and_still_shows_zero() -> None:
    result = runway(450, floor=AbsoluteFloor(Decimal(500)))
    assert result.display == "0 days \N{EN DASH} below floor since 2025-11-20"
    assert result.zero_on == T + timedelta(days=4)
    assert runway(0).zero_on == T


def test_below_the_floor_hides_neither_behind_growth_nor_behind_short_history() -> None:
    growing = RunwayCalculator(floor=AbsoluteFloor(Decimal(500))).calculate(make_inputs([make_movement(9, 90)], 100))
    assert growing.runway.display == "0 days \N{EN DASH} below floor since at least 2025-08-23"
    assert growing.runway.zero_on is None
    assert runway(100, days=5, floor=AbsoluteFloor(Decimal(500))).state is RunwayState.BELOW_FLOOR


def test_cash_positive_has_no_number_and_a_low_point() -> None:
    inputs = make_inputs([*daily_rent(100, 90), make_movement(9000, 3)], 2001)
    result = RunwayCalculator(floor=NO_FLOOR).calculate(inputs).runway
    assert (result.state, result.days.value, result.days.reason) == (
        RunwayState.CASH_POSITIVE,
        None,
        "No cash-out in sight",
    )
    assert result.display == "No cash-out in sight \N{EN DASH} lowest point in 13 weeks: 2,001.00 USD on 2025-11-21"
    assert (result.floor_on, result.zero_on) == (None, None)


def test_one_cent_of_net_burn_is_not_cash_positive() -> None:
    inputs = make_inputs([*daily_rent(100, 90), make_movement("8999.99", 3)], "0.02")
    assert RunwayCalculator(floor=NO_FLOOR).calculate(inputs).runway.state is RunwayState.FINITE


def test_a_forecast_brings_its_own_low_point() -> None:
    low = LowPoint(BASIS.figure(Decimal(77), "USD", n=91, n_of="days"), T + timedelta(days=9))
    result = RunwayCalculator(floor=NO_FLOOR).calculate(make_inputs([make_movement(9, 90)]), low).runway
    assert (result.low_point, "77.00 USD on 2025-11-30" in result.display) == (low, True)


@pytest.mark.parametrize(
    ("days", "state", "display"),
    [
        (0, RunwayState.NOT_ENOUGH_HISTORY, "Not enough history"),
        (27, RunwayState.NOT_ENOUGH_HISTORY, "Not enough history"),
        (28, RunwayState.FINITE, "50 days \N{EN DASH} based on 28 days"),
        (89, RunwayState.FINITE, "50 days \N{EN DASH} based on 89 days"),
        (90, RunwayState.FINITE, "50 days"),
    ],
)
@pytest.mark.parametrize("floor", [NO_FLOOR, DefaultFloor()])
def test_history_rows(days: int, state: RunwayState, display: str, floor: FloorPolicy) -> None:
    result = runway(5000 if floor == NO_FLOOR else 5700, days=days, floor=floor)
    assert (result.state, result.display) == (state, display)
    assert (result.days.value is None) is (state is RunwayState.NOT_ENOUGH_HISTORY)


@pytest.mark.parametrize(
    ("cash", "state", "display"),
    [(73000, RunwayState.FINITE, "730 days"), (73100, RunwayState.BEYOND_CAP, "24+ months")],
)
def test_beyond_730_days_only_the_display_is_capped(cash: int, state: RunwayState, display: str) -> None:
    result = runway(cash)
    assert (result.state, result.display, result.days.value) == (state, display, Decimal(cash // 100))
    assert (result.floor_on is None) is (state is RunwayState.BEYOND_CAP)


def test_a_runway_longer_than_the_calendar_is_no_error() -> None:
    inputs = make_inputs([make_movement("-0.01", 90)], 10**12)
    assert RunwayCalculator(floor=NO_FLOOR).calculate(inputs).runway.display == "24+ months"


def test_unknown_cash_is_said() -> None:
    inputs = make_inputs(daily_rent(100, 90), accounts=[make_account("x", "Income")])
    result = RunwayCalculator(floor=NO_FLOOR).calculate(inputs)
    assert (result.runway.state, result.runway.floor_on) == (RunwayState.CASH_UNKNOWN, None)
    assert result.runway.display == "No bank account counts as operating cash"
    assert result.coverage_days.value is None


def test_coverage_ignores_income_and_floor() -> None:
    inputs = make_inputs([*daily_rent(100, 90), make_movement(9000, 3)], 2750)
    result = RunwayCalculator(floor=AbsoluteFloor(Decimal(50))).calculate(inputs)
    assert (result.coverage_days.value, result.coverage_days.unit) == (Decimal(27), "days")


def test_coverage_without_outflow_or_history_has_a_reason_and_without_cash_is_zero() -> None:
    silent = RunwayCalculator().calculate(make_inputs([make_movement(5, 90)]))
    assert silent.coverage_days.reason == "No operating cash went out in 90 days"
    assert report(5000, days=10).coverage_days.reason == "Not enough history"
    assert report(-10).coverage_days.value == Decimal(0)


def test_stale_books_keep_the_value_and_say_so() -> None:
    inputs = make_inputs(daily_rent(100, 90), 5000, synced_at=NOW - timedelta(days=3))
    result = RunwayCalculator(floor=NO_FLOOR).calculate(inputs)
    assert (result.runway.display, result.books.needs_recheck) == ("50 days", True)
    assert result.flags == ("as of 3 days ago \N{EN DASH} may be wrong",)


def test_late_bills_and_spikes_are_flagged() -> None:
    bills = [BillEntry(T - timedelta(days=7 * week + 1), Decimal(9)) for week in range(1, 9) for _ in range(3)]
    inputs = make_inputs([*daily_rent(1, 91), make_movement(-9000, 40, external_id="x")], bill_entries=bills)
    flags = RunwayCalculator().calculate(inputs).flags
    assert flags[0] == "bills look incomplete this week"
    assert "largest item: 9,000.00 out to Acme" in flags[1]


def test_no_bill_entries_given_is_no_flag() -> None:
    assert report(5000).bill_entry is None
    assert report(5000).flags == ()


def test_post_dated_movements_are_said_on_cash() -> None:
    inputs = make_inputs([*daily_rent(100, 90), make_movement(-1200, -6)], 5000)
    cash = RunwayCalculator().calculate(inputs).cash.cash
    assert (cash.value, "holds -1,200.00 dated after 2025-11-21" in (cash.note or "")) == (Decimal(5000), True)


def test_three_windows_of_which_the_middle_one_leads() -> None:
    result = report(5000, days=400)
    assert [window.days for window in result.windows] == [30, 90, 365]
    assert result.burn is result.windows[1]


CENTS = st.decimals(min_value=-10_000, max_value=10_000_000, places=2)


@given(CENTS, CENTS, st.integers(min_value=1, max_value=5000), st.integers(min_value=28, max_value=120))
def test_more_cash_never_shortens_the_runway(one: Decimal, other: Decimal, rent: int, days: int) -> None:
    less, more = (runway(cash, rent=rent, days=days, floor=DefaultFloor()).days.value for cash in sorted([one, other]))
    assert less is not None
    assert more is not None
    assert 0 <= less <= more


@given(CENTS, st.integers(min_value=1, max_value=5000), st.integers(min_value=0, max_value=50_000))
def test_the_floor_is_never_reached_after_zero(cash: Decimal, rent: int, floor: int) -> None:
    result = runway(cash, rent=rent, floor=AbsoluteFloor(Decimal(floor)))
    if result.zero_on is not None:
        assert result.floor_on is not None
        assert T <= result.floor_on <= result.zero_on


@given(CENTS, st.integers(min_value=0, max_value=120), st.integers(min_value=-3, max_value=200))
def test_one_display_and_a_value_or_a_reason_whatever_comes(cash: Decimal, days: int, income: int) -> None:
    inputs = make_inputs([*daily_rent(100, days), *(make_movement(income, ago) for ago in range(1, days))], cash)
    result = RunwayCalculator().calculate(inputs).runway
    assert result.display
    has_number = result.state in {RunwayState.FINITE, RunwayState.BEYOND_CAP, RunwayState.BELOW_FLOOR}
    assert (result.days.value is not None) is has_number


def test_the_leading_window_may_be_another() -> None:
    inputs = make_inputs([*daily_rent(100, 90), make_movement(-6000, 20)], 20000)
    result = RunwayCalculator(floor=NO_FLOOR, window_days=60).calculate(inputs)
    assert (result.burn.asked_days, result.burn.days) == (60, 60)
    assert [window.asked_days for window in result.windows] == [30, 90, 365]
    assert (result.burn.outflow, result.runway.days.value) == (Decimal(12000), Decimal(100))
