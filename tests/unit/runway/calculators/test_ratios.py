from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.ratios import (
    Charge,
    Paid,
    collection_effectiveness,
    conversion_cycle,
    countback_days,
    days_delinquent,
    days_outstanding,
    days_to_pay,
)
from tests.unit.runway.calculators.making import BASIS, T, whole

CHARGES = st.lists(
    st.builds(
        lambda ago, amount: Charge(T - timedelta(days=ago), amount),
        st.integers(-2, 200),
        st.decimals(min_value="0.01", max_value=9999, places=2),
    ),
    max_size=12,
)


def make_charges(*amounts: int, ago: int = 5) -> list[Charge]:
    return [Charge(T - timedelta(days=ago), Decimal(amount)) for amount in amounts]


def sold(*monthly: tuple[date, int]) -> list[Charge]:
    return [Charge(on, Decimal(amount)) for on, amount in monthly]


def test_simple_days_outstanding() -> None:
    charges = [*make_charges(1000, 1000, ago=89), *make_charges(1000, ago=0), *make_charges(9999, ago=90)]
    got = days_outstanding(Decimal(1500), charges, basis=BASIS)
    assert (whole(got.value), got.unit, got.n, got.as_of) == (45, "days", 3, T)


def test_countback_takes_whole_months_then_a_fraction() -> None:
    """T is 21 November: 21 days for 2000, 31 of October for 3000, and 500 of September's 1500: 10 of 30 days."""
    sales = sold((date(2025, 11, 3), 2000), (date(2025, 10, 31), 3000), (date(2025, 9, 1), 1500))
    assert whole(countback_days(Decimal(5500), sales, basis=BASIS).value) == 62
    assert countback_days(Decimal(1000), sales, basis=BASIS).value == Decimal("10.50")
    assert whole(countback_days(Decimal(0), sales, basis=BASIS).value) == 0


def test_a_month_without_sales_lends_its_days() -> None:
    sales = sold((date(2025, 11, 3), 500), (date(2025, 11, 4), 500), (date(2025, 9, 1), 3000))
    assert whole(countback_days(Decimal(2000), sales, basis=BASIS).value) == 21 + 31 + 10


def test_receivables_beyond_all_sales_are_at_least_so_old() -> None:
    sales = sold((date(2025, 11, 3), 100), (date(2025, 11, 4), 100), (date(2025, 10, 1), 100))
    got = countback_days(Decimal(900), sales, basis=BASIS)
    assert (whole(got.value), got.note) == (52, "at least: receivables exceed all sales given")


def test_delinquent_days_are_what_is_not_inevitable() -> None:
    charges = make_charges(1000, 1000, 1000)
    dso = days_outstanding(Decimal(1500), charges, basis=BASIS)
    best = days_outstanding(Decimal(1000), charges, basis=BASIS)
    assert (whole(best.value), whole(days_delinquent(dso, best, basis=BASIS).value)) == (30, 15)


def test_days_to_pay_weighs_by_money_within_a_year() -> None:
    def paid(amount: int, days: int, ago: int = 1) -> Paid:
        on = T - timedelta(days=ago)
        return Paid(on - timedelta(days=days), on, Decimal(amount))

    got = days_to_pay(
        [paid(100, 10), paid(300, 30), paid(100, 20), paid(999, 500, ago=365), paid(9, 9, ago=-1)], basis=BASIS
    )
    assert (whole(got.value), got.n) == (24, 3)


def test_collection_effectiveness() -> None:
    """Opening 4000 and sales 6000; 3000 open, 1000 of it not due: 7000 of 9000."""
    got = collection_effectiveness(
        Decimal(4000), make_charges(2000, 2000, 2000), closing=Decimal(3000), closing_not_due=Decimal(1000), basis=BASIS
    )
    assert (got.value, got.unit) == (Decimal("77.78"), "%")


def test_the_cycle_is_hidden_without_inventory() -> None:
    dso = days_outstanding(Decimal(1500), make_charges(1000, 1000, 1000), basis=BASIS)
    dpo = days_outstanding(Decimal(1000), make_charges(1000, 1000, 1000), basis=BASIS)
    assert conversion_cycle(dso, None, dpo, basis=BASIS) is None
    cycle = conversion_cycle(dso, dpo, dpo, basis=BASIS)
    assert cycle is not None
    assert whole(cycle.value) == 45
    unknown = conversion_cycle(dso, dpo, days_outstanding(Decimal(1), [], basis=BASIS), basis=BASIS)
    assert unknown is not None
    assert unknown.reason == "n/a (no charges in 90 days)"


@pytest.mark.parametrize(
    ("charges", "why"),
    [
        ([], "n/a (no charges in 90 days)"),
        (make_charges(5, 5), "n/a (only 2 charges in 90 days)"),
        (make_charges(5, 5, -10), "n/a (charges add up to nothing in 90 days)"),
    ],
)
def test_too_little_to_divide_by_says_why(charges: list[Charge], why: str) -> None:
    got = days_outstanding(Decimal(100), charges, basis=BASIS)
    assert (got.value, got.reason) == (None, why)


def test_the_others_say_why_too() -> None:
    assert countback_days(Decimal(1), [], basis=BASIS).reason == "n/a (no credit sales)"
    assert days_to_pay([], basis=BASIS).reason == "n/a (no payments in 365 days)"
    nothing = collection_effectiveness(
        Decimal(0), make_charges(1, 1, 1), closing=Decimal(3), closing_not_due=Decimal(3), basis=BASIS
    )
    assert nothing.reason == "n/a (amounts to collect add up to nothing)"


@given(CHARGES, st.integers(0, 50000), st.integers(0, 5000))
def test_more_receivable_is_never_fewer_days_in_any_order(charges: list[Charge], open_amount: int, more: int) -> None:
    less = countback_days(Decimal(open_amount), charges, basis=BASIS)
    assert less == countback_days(Decimal(open_amount), charges[::-1], basis=BASIS)
    greater = countback_days(Decimal(open_amount + more), charges, basis=BASIS)
    assert (less.value is None) == (greater.value is None)
    assert less.value is None or greater.value is None or less.value <= greater.value
