from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.outlook import HORIZON_DAYS, PathRow
from runway.calculators.to_come import Settled, ToCome, to_come
from tests.unit.runway.calculators.making import BASIS, T, whole, wholes


def make_settled(days_ago: int, age: int, amount: Decimal | int = 100) -> Settled:
    on = T - timedelta(days=days_ago)
    return Settled(on, on - timedelta(days=age), Decimal(amount))


SETTLED = st.lists(
    st.builds(
        make_settled,
        st.integers(-5, 120),
        st.integers(0, 120),
        st.decimals(min_value="0.01", max_value=9999, places=2),
    ),
    max_size=30,
)


def make_coming(*settled: Settled, history: int = 91) -> ToCome:
    return to_come(settled, BASIS, history=history)


def test_by_hand_a_week_of_one_sale_settled_after_ten_days() -> None:
    """100 every Friday, ten days after its invoice: the next two Fridays' are invoiced already, 7 and 14 days ahead; T is a Friday."""
    coming = make_coming(*(make_settled(7 * week, 10) for week in range(1, 14)))
    flows = coming.flows(PathRow.NOT_YET_INVOICED, as_of=T, sign=1)
    assert [((flow.on - T).days, whole(flow.amount)) for flow in flows] == [(7 * week, 100) for week in range(2, 14)]
    assert (whole(coming.weekly.value), coming.weekly.n, set(coming.residuals)) == (100, 13, {Decimal(0)})
    assert coming.shares[9:11] == (Decimal(0), Decimal(1))
    assert wholes(*coming.week_shares[:1], *coming.week_shares[2:3]) == [0, 1]
    assert 0 < coming.week_shares[1] < 1


def test_what_is_paid_at_once_is_all_to_come() -> None:
    coming = make_coming(*(make_settled(days, 0) for days in range(1, 92)))
    flows = coming.flows(PathRow.NOT_YET_BILLED, as_of=T, sign=-1)
    assert len(flows) == HORIZON_DAYS
    assert {whole(flow.amount) for flow in flows} == {-100}


def test_a_document_dated_after_its_payment_counts_as_paid_at_once() -> None:
    assert make_coming(make_settled(7, -3)).shares[0] == 1


def test_too_little_history_says_nothing() -> None:
    coming = make_coming(make_settled(7, 10), history=27)
    assert coming.weekly.reason == "Not enough history"
    assert coming.flows(PathRow.NOT_YET_INVOICED, as_of=T, sign=1) == []
    assert coming.shares == coming.residuals == coming.week_shares == ()


def test_a_company_without_sales_has_none_to_come() -> None:
    coming = make_coming(make_settled(92, 10), make_settled(0, 10), make_settled(-1, 10))
    assert (coming.weekly.value, coming.flows(PathRow.NOT_YET_INVOICED, as_of=T, sign=1)) == (Decimal(0), [])


@given(SETTLED, st.integers(0, 99))
def test_shares_never_fall_and_the_order_does_not_matter(settled: list[Settled], seed: int) -> None:
    coming = make_coming(*settled)
    shuffled = list(settled)
    Random(seed).shuffle(shuffled)  # noqa: S311  # an order, no secret
    assert make_coming(*shuffled) == coming
    assert list(coming.shares) == sorted(coming.shares)
    assert all(0 <= share <= 1 for share in coming.shares)
    expected = sum((flow.amount for flow in coming.flows(PathRow.NOT_YET_INVOICED, as_of=T, sign=1)), Decimal(0))
    assert 0 <= expected <= 13 * (coming.weekly.value or 0) + 1


@given(SETTLED)
def test_the_past_weeks_add_up(settled: list[Settled]) -> None:
    """Weekly means and what each week differs by are the money that came, to the rounding of thirteen weeks."""
    coming = make_coming(*settled)
    came = sum((item.amount for item in settled if T - timedelta(days=91) <= item.on < T), Decimal(0))
    total = 13 * (coming.weekly.value or 0) + sum(coming.residuals, Decimal(0))
    assert abs(total - came) <= Decimal("0.20")
