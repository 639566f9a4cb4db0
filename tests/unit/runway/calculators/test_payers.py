from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.ageing import Application
from runway.calculators.banking_days import next_after, on_or_after, on_or_before
from runway.calculators.lateness import HALF_LIFE_DAYS, ONE, InvoiceHistory, Lateness, late_points
from runway.calculators.payers import POOL_WEIGHT, payer_book
from tests.unit.runway.calculators.making import T

DISTRIBUTIONS = st.lists(st.tuples(st.integers(-30, 200), st.integers(1, ONE)), min_size=1, max_size=30)


def make_history(*paid: tuple[int, int], due_ago: int = 30, customer: str = "acme", total: int = 100) -> InvoiceHistory:
    """`paid`: (days late, amount)."""
    due_on = T - timedelta(days=due_ago)
    applied = tuple(Application(due_on + timedelta(days=late), Decimal(amount)) for late, amount in paid)
    return InvoiceHistory(customer, due_on, Decimal(total), applied)


def test_days_roll_over_the_weekend_and_holidays() -> None:
    saturday, monday = date(2025, 11, 22), date(2025, 11, 24)
    assert (on_or_after(saturday), on_or_before(saturday)) == (monday, T)
    assert next_after(T, frozenset({monday})) == date(2025, 11, 25)


def test_an_invoice_paid_at_once_is_one_point_whose_weight_halves() -> None:
    fresh = make_history((5, 100), due_ago=5)
    old = make_history((5, 100), due_ago=5 + HALF_LIFE_DAYS)
    assert [(p.days_late, p.weight) for p in late_points(fresh, T)] == [(5, ONE)]
    assert [(p.days_late, p.weight) for p in late_points(old, T)] == [(5, ONE // 2)]


def test_part_payments_weigh_their_share_and_a_residue_of_five_percent_is_paid() -> None:
    points = late_points(make_history((0, 20), (10, 76), due_ago=10), T)
    assert [(p.days_late, p.paid_on == T) for p in points] == [(0, False), (10, True)]
    # 20 of 96 and 76 of 96; the first is ten days older: 0.5 ** (10 / 182) = 0.96263.
    assert [p.weight for p in points] == [round(ONE * 20 / 96 * 0.5 ** (10 / 182)), 791667]


@pytest.mark.parametrize(
    "history",
    [
        make_history((0, 94)),
        make_history((0, 50), (31, 50)),
        make_history((0, 100), due_ago=731),
        make_history((0, 100), total=0),
        make_history(),
    ],
    ids=["below 95 %", "paid tomorrow", "older than 24 months", "without an amount", "never paid"],
)
def test_what_is_no_point(history: InvoiceHistory) -> None:
    assert late_points(history, T) == ()


def test_quantiles_are_the_least_value_that_covers_and_may_be_conditional() -> None:
    four = Lateness.of([(20, 1), (0, 1), (10, 1), (40, 1)])
    assert [four.quantile(q) for q in (100, 250, 251, 500, 750, 900)] == [0, 0, 10, 10, 20, 40]
    assert [four.quantile(q, beyond=10) for q in (100, 500, 501, 900)] == [20, 20, 40, 40]
    assert (four.weight_beyond(10), four.mean_excess(10), four.mean_excess(40)) == (2, 20.0, None)
    with pytest.raises(ValueError, match="quantile"):
        four.quantile(500, beyond=40)


def test_six_paid_invoices_make_a_customer_half_itself() -> None:
    late = [make_history((60, 100), due_ago=60, customer="slow") for _ in range(6)]
    prompt = [make_history((0, 100), due_ago=0, customer=f"c{i}") for i in range(54)]
    book = payer_book([*late, *prompt], T)
    slow = book.of("slow")
    assert (slow.n, book.n, book.pool.weight) == (6, 60, POOL_WEIGHT)
    # Own 6 at 60 days; of the pool's 6, a tenth at 60 days.
    assert slow.mixed.weight_beyond(59) == 6 * ONE + POOL_WEIGHT // 10
    assert book.of("unheard of").mixed == book.pool


def test_a_usual_weekday_needs_eight_payments_and_a_majority() -> None:
    fridays = [make_history((0, 100), due_ago=7 * week) for week in range(7)]
    assert payer_book(fridays, T).of("acme").weekday is None
    assert payer_book([*fridays, make_history((0, 100), due_ago=1)], T).of("acme").weekday == T.weekday()
    others = [make_history((0, 100), due_ago=ago) for ago in (1, 2, 3, 4, 8, 9, 10)]
    assert payer_book([*fridays, *others], T).of("acme").weekday is None


def test_a_part_payer_paid_in_part_twice_in_a_year() -> None:
    once = make_history((0, 50), (5, 50))
    assert not payer_book([once], T).of("acme").is_part_payer
    assert payer_book([once, make_history((1, 10))], T).of("acme").is_part_payer
    assert not payer_book([once, make_history((1, 10), due_ago=400)], T).of("acme").is_part_payer


@given(DISTRIBUTIONS, st.randoms(use_true_random=False))
def test_order_changes_no_distribution(pairs: list[tuple[int, int]], rng: object) -> None:
    shuffled = sorted(pairs, key=lambda _: rng.random())  # type: ignore[attr-defined]  # a random.Random
    assert Lateness.of(shuffled) == Lateness.of(pairs)


@given(DISTRIBUTIONS, st.integers(-40, 190), st.integers(1, 999))
def test_a_conditional_quantile_is_beyond_and_never_earlier(pairs: list[tuple[int, int]], late: int, q: int) -> None:
    lateness = Lateness.of(pairs)
    if lateness.weight_beyond(late):
        assert lateness.quantile(q, beyond=late) > late
        assert lateness.quantile(q, beyond=late) >= lateness.quantile(q)
