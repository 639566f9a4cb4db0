from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from runway.calculators.forecast import forecast
from runway.calculators.frozen import CameWeek, Frozen, WhatCame, judged
from runway.calculators.groundwork import Books
from tests.unit.runway.calculators.making import BASIS, CHART, CHECKING, T, daily_rent, make_inputs, make_movement

FIRST = T + timedelta(days=7)


def test_what_is_frozen_is_the_path_and_the_band_and_is_read_back_digit_by_digit() -> None:
    made = forecast(Books(make_inputs(daily_rent(100, 60))), company_id="c")
    frozen = Frozen.of(made)
    assert Frozen.from_figures(frozen.to_figures()) == frozen
    assert [len(frozen.weeks), frozen.weeks[0].starts_on, frozen.weeks[0].ends_on] == [13, T, FIRST]
    assert frozen.weeks[1].starts_on == FIRST + timedelta(days=1)
    for week, path in zip(frozen.weeks, made.path.weeks(), strict=True):
        assert week.receipts - week.disbursements == path.closing - path.opening
        assert week.p10 <= week.p50 <= week.p90
    assert frozen.accounts == {account.account_id for account in made.report.cash.counted}


def test_what_came_is_read_back_from_today_s_balances() -> None:
    """10,000 today; yesterday 300 came and 50 went, a week before 1,000 came, and a loan of 5,000 besides, which is no receipt."""
    loan = make_movement(5000, 8, counter_account_id="loan")
    came = WhatCame(
        CHART,
        [make_movement(300, 1), make_movement(-50, 1), make_movement(1000, 8), loan],
        counted=frozenset({CHECKING.account_id}),
    )
    yesterday, before = T - timedelta(days=1), T - timedelta(days=8)
    assert came.week(yesterday, yesterday) == CameWeek(Decimal(300), Decimal(50), Decimal(10000))
    assert came.week(before, yesterday - timedelta(days=1)) == CameWeek(Decimal(1000), Decimal(0), Decimal(9750))
    assert came.week(before, before - timedelta(days=1)).closing == Decimal(3750)


def test_accounts_that_did_not_count_then_do_not_count_now() -> None:
    moved = [make_movement(300, 1), make_movement(40, 1, account_id="off")]
    on = T - timedelta(days=1)
    assert WhatCame(CHART, moved, counted=frozenset({"checking"})).week(on, on).receipts == 300
    assert WhatCame(CHART, moved, counted=frozenset({"checking", "off"})).week(on, on).receipts == 340


def test_only_weeks_that_have_passed_are_judged() -> None:
    frozen = Frozen.of(forecast(Books(make_inputs(daily_rent(100, 60))), company_id="c"))
    came = [CameWeek(Decimal(1), Decimal(2), Decimal(3)), CameWeek(Decimal(4), Decimal(5), Decimal(6))]
    made = judged(date(2025, 11, 24), frozen.weeks, came, is_reconstructed=True)
    assert (len(made.weeks), made.is_reconstructed) == (2, True)
    assert made.weeks[1].receipts == (frozen.weeks[1].receipts, Decimal(4))
    assert made.weeks[0].closing == (frozen.weeks[0].p50, Decimal(3))
    assert made.weeks[0].band == (frozen.weeks[0].p10, frozen.weeks[0].p90)


def test_a_forecast_of_another_day_is_another_one() -> None:
    inputs = make_inputs(daily_rent(100, 60))
    later = replace(inputs, basis=replace(BASIS, as_of=T + timedelta(days=1)))
    first, second = (Frozen.of(forecast(Books(one), company_id="c")) for one in (inputs, later))
    assert first.weeks[0].starts_on != second.weeks[0].starts_on
