from datetime import date, timedelta
from decimal import Decimal

import pytest

from domains.core.movements import CashMovement
from runway.calculators.burn import BurnWindow, burn_window
from runway.calculators.floor import (
    AbsoluteFloor,
    BelowFloorSince,
    BurnDaysFloor,
    DefaultFloor,
    FloorPolicy,
    below_floor_since,
    floor_figure,
)
from runway.calculators.flows import FlowRules, classify
from tests.unit.runway.calculators.making import BASIS, CHART, T, daily_rent, make_movement, make_transfer


def make_burn(days: int) -> BurnWindow:
    flows = classify(daily_rent(100, days), CHART, rules=FlowRules())
    return burn_window(flows, BASIS, asked_days=90, history=days)


@pytest.mark.parametrize(
    ("policy", "amount", "note"),
    [
        (AbsoluteFloor(Decimal(2500)), 2500, "set by the owner"),
        (BurnDaysFloor(14), 1400, "14 days of gross burn"),
        (DefaultFloor(payroll=Decimal(8200)), 8200, "one payroll (default)"),
        (DefaultFloor(), 700, "7 days of gross burn (default: no payroll known)"),
    ],
)
def test_floor_by_policy(policy: FloorPolicy, amount: int, note: str) -> None:
    figure = floor_figure(policy, make_burn(90), BASIS)
    assert (figure.value, figure.note) == (Decimal(amount), note)


def test_a_floor_in_days_needs_history_and_an_amount_does_not() -> None:
    short = make_burn(27)
    assert floor_figure(DefaultFloor(), short, BASIS).reason == "Not enough history"
    assert floor_figure(BurnDaysFloor(3), short, BASIS).value is None
    assert floor_figure(AbsoluteFloor(Decimal(1)), short, BASIS).value == 1
    assert floor_figure(DefaultFloor(Decimal(9)), short, BASIS).value == 9


def test_a_negative_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        AbsoluteFloor(Decimal(-1))
    with pytest.raises(ValueError, match="zero days or more"):
        BurnDaysFloor(-1)
    with pytest.raises(ValueError, match="zero or more"):
        DefaultFloor(Decimal(-1))


def since(cash: int, movements: list[CashMovement], floor: int = 500) -> BelowFloorSince:
    return below_floor_since(
        Decimal(cash), Decimal(floor), movements=movements, account_ids={"checking", "savings"}, as_of=T
    )


def ago(days: int) -> date:
    return T - timedelta(days=days)


def test_below_since_the_day_it_fell() -> None:
    movements = [make_movement(-200, 9), make_movement(-300, 6), make_movement(-50, 2)]
    assert since(400, movements) == BelowFloorSince(ago(6), is_exact=True)


def test_a_recovery_starts_a_new_spell() -> None:
    movements = [make_movement(-900, 9), make_movement(900, 5), make_movement(-900, 3)]
    assert since(100, movements) == BelowFloorSince(ago(3), is_exact=True)


def test_touching_the_floor_is_below_it() -> None:
    assert since(400, [make_movement(-500, 9), make_movement(-100, 2)]) == BelowFloorSince(ago(9), is_exact=True)


def test_a_transfer_within_the_counted_accounts_is_no_fall() -> None:
    moved = make_transfer(5000, 2, origin="checking", target="savings")
    assert since(400, [make_movement(-300, 8), *moved]) == BelowFloorSince(ago(8), is_exact=True)


def test_movements_of_other_accounts_are_not_ours() -> None:
    assert since(400, [make_movement(-5000, 2, account_id="card"), make_movement(-300, 8)]).on == ago(8)


def test_history_that_never_was_above_says_at_least() -> None:
    assert since(100, [make_movement(-50, 30), make_movement(-50, 3)]) == BelowFloorSince(ago(30), is_exact=False)
    assert since(100, []) == BelowFloorSince(T, is_exact=False)


def test_a_post_dated_cheque_puts_it_no_later_than_today() -> None:
    assert since(100, [make_movement(-900, -5)]) == BelowFloorSince(T, is_exact=True)
