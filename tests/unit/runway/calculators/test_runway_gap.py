from runway.calculators.burn import BurnWindow
from runway.calculators.burn_runway import burn_runway
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.runway_gap import RunwayGap, runway_gap
from tests.unit.runway.calculators.making import BASIS, T
from tests.unit.runway.calculators.test_forecast_runway import SINCE, make_burn, make_runway, money
from tests.unit.runway.calculators.test_outlook import make_flow


def make_gap(*flows: DatedFlow, burn: BurnWindow, cash: int = 1000) -> RunwayGap | None:
    forecast = make_runway(*flows, cash=cash, burn=burn)
    steady = burn_runway(money(cash), money(100), burn=burn, basis=BASIS, below_since=lambda: SINCE)
    return runway_gap(forecast, steady, flows=flows, as_of=T)


def test_a_tax_payment_in_week_six_explains_it() -> None:
    """900 at 10 a day are 90 days; the tax brings the path below the floor on day 40."""
    gap = make_gap(make_flow(-50, 3), make_flow(-870, 40, row=PathRow.TAX, key="sales tax"), burn=make_burn(10))
    assert gap is not None
    assert gap.text == (
        "forecast 40 days, at trailing burn 90 days; "
        "largest item not in trailing burn: 870.00 out (tax sales tax) in week 6"
    )


def test_up_to_a_quarter_of_the_headline_they_agree() -> None:
    assert make_gap(make_flow(-901, 72), burn=make_burn(10)) is None
    assert make_gap(make_flow(-901, 71), burn=make_burn(10)) is not None


def test_what_comes_again_explains_nothing() -> None:
    gap = make_gap(make_flow(-950, 20, row=PathRow.PAYROLL), burn=make_burn(10))
    assert gap is not None
    assert (gap.item, gap.text) == (None, "forecast 20 days, at trailing burn 90 days")


def test_a_longer_forecast_names_what_comes_in() -> None:
    parts = [make_flow(200, day, row=PathRow.INVOICES, key="77") for day in (10, 20)]
    gap = make_gap(*parts, make_flow(300, 9, row=PathRow.OTHER_IN), burn=make_burn(10))
    assert gap is not None
    assert gap.text.endswith("400.00 in (invoices 77) in week 2")


def test_a_crossing_beside_a_positive_burn_is_a_gap_and_two_open_ends_are_none() -> None:
    gap = make_gap(make_flow(-950, 20), burn=make_burn(-5))
    assert gap is not None
    assert (gap.burn_days, gap.text[:63]) == (None, "forecast 20 days, at trailing burn no cash-out within 24 months")
    assert make_gap(burn=make_burn(-5)) is None


def test_unknown_is_no_gap() -> None:
    assert make_gap(make_flow(-950, 20), burn=make_burn(10, days=20)) is None
