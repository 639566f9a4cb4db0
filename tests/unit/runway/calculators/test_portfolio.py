from decimal import Decimal
from random import Random

import pytest

from runway.calculators.burn_runway import RunwayState
from runway.calculators.portfolio import AT_RISK_DAYS, Standing, is_at_risk, rank

BELOW = Standing("below", RunwayState.BELOW_FLOOR, Decimal(0))
BOUNCES = Standing("bounces", RunwayState.FINITE, Decimal(40), uncovered=2)
SOON = Standing("soon", RunwayState.FINITE, Decimal(AT_RISK_DAYS - 1))
LATER = Standing("later", RunwayState.FINITE, Decimal(AT_RISK_DAYS))
SAME_DAY = Standing("same day", RunwayState.FINITE, Decimal(40))
YEARS = Standing("years", RunwayState.BEYOND_CAP, Decimal(800))
UNKNOWN = Standing("unknown", None)
YOUNG = Standing("young", RunwayState.NOT_ENOUGH_HISTORY)
NEAR = Standing("near", RunwayState.CASH_POSITIVE, spare=Decimal(100))
FAR = Standing("far", RunwayState.CASH_POSITIVE, spare=Decimal(9000))


def test_the_worst_comes_first_in_whatever_order_they_are_given() -> None:
    expected = [BELOW, SOON, LATER, BOUNCES, SAME_DAY, YEARS, UNKNOWN, YOUNG, NEAR, FAR]
    for seed in range(5):
        given = expected.copy()
        Random(seed).shuffle(given)  # noqa: S311  # an order, no secret
        assert sorted(given, key=rank) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [(BELOW, True), (BOUNCES, True), (SOON, True), (LATER, False), (YEARS, False), (UNKNOWN, False), (NEAR, False)],
)
def test_who_is_at_risk(standing: Standing, *, expected: bool) -> None:
    assert is_at_risk(standing) is expected
