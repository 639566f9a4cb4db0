from datetime import timedelta
from decimal import Decimal

import pytest

from runway.calculators.discounts import DiscountOffer, DiscountTerms, discount_offer, parse_terms
from tests.unit.runway.calculators.making import BASIS, T, whole
from tests.unit.runway.calculators.test_draws import make_draws
from tests.unit.runway.calculators.test_outlook import make_flow

TWO_TEN = DiscountTerms(Decimal(2), 10, 30)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("2/10 net 30", TWO_TEN),
        ("2% 10, Net 30", TWO_TEN),
        ("2% 10 Net 30", TWO_TEN),
        ("2/10, n/30", TWO_TEN),
        ("1.5% 15 days, net 45", DiscountTerms(Decimal("1.5"), 15, 45)),
        ("Net 30", None),
        ("Due on receipt", None),
        ("2/30 net 30", None),
        ("0/10 net 30", None),
        ("12/2026 net 30", None),
    ],
)
def test_terms_from_their_name(name: str, terms: DiscountTerms | None) -> None:
    assert parse_terms(name) == terms


def test_what_it_is_worth_a_year() -> None:
    assert TWO_TEN.yearly_percent == Decimal("37.24")
    assert DiscountTerms(Decimal(1), 10, 60).yearly_percent == Decimal("7.37")


def make_offer(cash: int, *, issued_ago: int = 3, dip: int = 0) -> DiscountOffer:
    """A bill of 1000 planned for day 27; a receipt of 5000 comes on day 20."""
    plan = make_flow(-1000, 27)
    draws = make_draws(plan, make_flow(5000, 20), make_flow(-dip, 8), opening=cash)
    return discount_offer(
        "1",
        TWO_TEN,
        issued_on=T - timedelta(days=issued_ago),
        open_amount=Decimal(1000),
        planned=[plan],
        draws=draws,
        floor=Decimal(100),
        basis=BASIS,
    )


def test_it_is_recommended_only_while_the_bad_path_stays_above_the_floor() -> None:
    offer = make_offer(1080)
    assert (whole(offer.saving.value), offer.pay_by, whole(offer.lowest_p10.value)) == (20, T + timedelta(days=7), 100)
    assert offer.is_recommended
    assert not make_offer(1079).is_recommended
    assert not make_offer(1080, dip=1).is_recommended


def test_a_discount_that_has_lapsed_is_not_recommended() -> None:
    assert make_offer(9000, issued_ago=10).is_recommended
    assert not make_offer(9000, issued_ago=11).is_recommended
