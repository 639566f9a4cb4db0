from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.accuracy import FrozenForecast, Grade, HorizonAccuracy, WeekResult, accuracy_at, grade
from tests.unit.runway.calculators.making import BASIS, whole

AMOUNTS = st.integers(0, 9999)


def make_week(receipts: tuple[int, int] = (100, 100), *, out: tuple[int, int] = (80, 80), off: int = 0) -> WeekResult:
    """Closing forecast at 1000 with a band of 900 to 1100, and actually `off` above."""
    return WeekResult(
        (Decimal(receipts[0]), Decimal(receipts[1])),
        (Decimal(out[0]), Decimal(out[1])),
        (Decimal(1000), Decimal(1000 + off)),
        (Decimal(900), Decimal(1100)),
    )


def make_forecasts(*weeks: WeekResult, count: int = 1) -> list[FrozenForecast]:
    return [FrozenForecast(date(2025, 9, 1) + timedelta(weeks=i), weeks) for i in range(count)]


def measure(forecasts: list[FrozenForecast], weeks: int = 4) -> HorizonAccuracy:
    return accuracy_at(weeks, forecasts, gross_monthly_outflow=Decimal(2000), basis=BASIS)


def test_errors_by_hand() -> None:
    """Off by 20, 40, 0 and 40 of 400 received; 60 too little net. The close of week four is off by 100 of 2000."""
    weeks = [make_week((120, 100)), make_week((60, 100)), make_week(), make_week((60, 100), out=(120, 80), off=100)]
    got = measure(make_forecasts(*weeks))
    assert [whole(f.value) for f in (got.receipts_wape, got.receipts_bias)] == [25, -15]
    assert [got.disbursements_wape.value, got.disbursements_bias.value] == [Decimal("12.50"), Decimal("12.50")]
    assert [whole(f.value) for f in (got.balance_error, got.coverage)] == [5, 100]
    assert (got.receipts_wape.n, got.receipts_wape.unit) == (1, "%")


def test_a_horizon_takes_only_forecasts_that_are_old_enough() -> None:
    got = measure([*make_forecasts(make_week()), *make_forecasts(*[make_week()] * 3)])
    assert got.balance_error.reason == "No forecast is 4 weeks old"
    assert measure(make_forecasts(make_week()), weeks=1).coverage.n == 1


def test_nothing_received_has_no_wape() -> None:
    got = measure(make_forecasts(*[make_week((5, 0))] * 4))
    assert got.receipts_wape.reason == "No receipts in these weeks"


def test_replayed_forecasts_are_labelled() -> None:
    replayed = [FrozenForecast(date(2025, 9, 1), (make_week(),) * 4, is_reconstructed=True)]
    assert measure(replayed).coverage.note == "reconstructed"


def graded(*offs: int) -> Grade:
    """A forecast for each; the close of its fourth week is off by so much of 2000."""
    forecasts = [f for off in offs for f in make_forecasts(make_week(), make_week(), make_week(), make_week(off=off))]
    return grade(measure(forecasts), forecasts)


@pytest.mark.parametrize(
    ("offs", "letter"),
    [
        ((100, 100, 100, 100, 101), "B"),  # 5.01 %
        ((100, 100, 100, 200, 0), "A"),  # 5 %, 80 % inside
        ((100, 100, 100, 100, 100), "B"),  # 5 %, but all inside
        ((200, 200, 200, 200), "B"),
        ((201, 200, 200, 200), "C"),
        ((400, 400, 400, 400), "C"),
        ((401, 400, 400, 400), "D"),
        ((0, 0, 0), "D"),
    ],
)
def test_grades(offs: tuple[int, ...], letter: str) -> None:
    assert graded(*offs).letter == letter


def test_the_reason_is_the_one_that_weighs_most() -> None:
    assert graded(0, 0, 0).reason == "3 of 4 forecasts are 4 weeks old"
    assert graded(*[0] * 4).reason == "the band is too wide: 100.00 % of closes were inside"
    forecasts = make_forecasts(*[make_week((150, 100), off=400)] * 4, count=4)
    got = grade(measure(forecasts), forecasts)
    assert got.reason == "receipts missed by 800.00 over 4 weeks, net 800.00 over forecast"


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=4, max_size=4))
def test_bias_is_never_more_than_the_error(pairs: list[tuple[int, int]]) -> None:
    got = measure(make_forecasts(*(make_week(pair) for pair in pairs)))
    wape, bias = got.receipts_wape.value, got.receipts_bias.value
    assert (wape is None) == (bias is None) == (not sum(actual for _, actual in pairs))
    assert wape is None or bias is None or abs(bias) <= wape
