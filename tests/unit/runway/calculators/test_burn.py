from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.core.movements import CashMovement
from runway.calculators.burn import BurnWindow, burn_window, history_days
from runway.calculators.flows import FlowKind, FlowRules, classify
from tests.unit.runway.calculators.making import BASIS, CHART, T, daily_rent, make_movement, make_transfer

AMOUNTS = st.decimals(min_value=-9999, max_value=9999, places=2).filter(bool)
MOVEMENTS = st.lists(
    st.builds(
        make_movement,
        AMOUNTS,
        st.integers(min_value=-3, max_value=120),
        counter_account_id=st.sampled_from([account.account_id for account in CHART] + [None]),
        account_id=st.sampled_from([account.account_id for account in CHART]),
    ),
    max_size=30,
)
TRANSFERS = st.lists(
    st.builds(
        make_transfer,
        st.integers(min_value=1, max_value=10**6),
        st.integers(min_value=1, max_value=80),
        origin=st.sampled_from(["checking", "payroll-tax"]),
        target=st.sampled_from(["savings", "off"]),
    ),
    max_size=5,
)


def make_burn(movements: list[CashMovement], asked_days: int = 90) -> BurnWindow:
    flows = classify(movements, CHART, rules=FlowRules())
    return burn_window(flows, BASIS, asked_days=asked_days, history=history_days(flows, T))


def test_gross_and_net_burn_a_day() -> None:
    burn = make_burn([*daily_rent(100, 90), make_movement(4500, days_ago=10)])
    assert (burn.gross_daily.value, burn.net_daily.value) == (Decimal(100), Decimal(50))
    assert (burn.gross_daily.unit, burn.gross_daily.n, burn.gross_daily.n_of) == ("USD/day", 90, "days")


def test_only_complete_days_count() -> None:
    today, first, before = make_movement(-7, 0), make_movement(-90, 90), make_movement(-1000, 91)
    burn = make_burn([today, first, before, make_movement(-5, -4)])
    assert (burn.starts_on, burn.ends_on) == (T - timedelta(days=90), T - timedelta(days=1))
    assert burn.outflow == Decimal(90)


@pytest.mark.parametrize(
    ("history", "asked", "days", "is_enough", "is_reduced"),
    [
        (0, 90, 0, False, False),
        (27, 90, 27, False, False),
        (28, 90, 28, True, True),
        (89, 90, 89, True, True),
        (90, 90, 90, True, False),
        (29, 30, 29, True, True),
        (30, 30, 30, True, False),
        (200, 365, 200, True, True),
        (400, 365, 365, True, False),
    ],
)
def test_windows_shrink_to_the_history(
    history: int, asked: int, days: int, *, is_enough: bool, is_reduced: bool
) -> None:
    burn = make_burn(daily_rent(10, history), asked)
    assert (burn.days, burn.is_enough, burn.is_reduced) == (days, is_enough, is_reduced)
    if is_enough:
        assert burn.gross_daily.value == Decimal(10)
        assert (f"based on {days} days" in (burn.gross_daily.note or "")) is is_reduced
    else:
        assert (burn.gross_daily.value, burn.gross_daily.reason) == (None, "Not enough history")


def test_cards_and_opening_balances_are_no_history() -> None:
    movements = [
        make_movement(9000, 400, counter_account_id="opening"),
        make_movement(-50, 300, account_id="card"),
        make_movement(-50, 40),
    ]
    assert history_days(classify(movements, CHART, rules=FlowRules()), T) == 40


def test_a_better_known_beginning_is_taken() -> None:
    assert history_days([], T, began_on=T - timedelta(days=50)) == 50
    assert history_days([], T) == 0


def test_exclusions_are_listed_with_sum_and_count() -> None:
    burn = make_burn(
        [
            *daily_rent(100, 90),
            make_movement(20000, 5, counter_account_id="loan"),
            make_movement(5000, 4, counter_account_id="loan"),
            make_movement(3000, 3, counter_account_id="equity"),
        ]
    )
    assert [(item.kind, item.amount, item.n) for item in burn.excluded] == [
        (FlowKind.LOAN_PROCEEDS, Decimal(25000), 2),
        (FlowKind.CAPITAL_IN, Decimal(3000), 1),
    ]
    assert "loan proceeds 25,000.00 (2)" in (burn.net_daily.note or "")
    assert burn.net_daily.value == Decimal(100)


def test_daily_figures_round_to_cents_and_totals_do_not() -> None:
    burn = make_burn([make_movement("-100.005", 1), make_movement(-1, 90)])
    assert (burn.outflow, burn.gross_daily.value) == (Decimal("101.005"), Decimal("1.12"))


def test_what_moved_no_bank_account_is_no_exclusion() -> None:
    """A receipt waiting in undeposited funds reads like income left out; it counts when it is banked."""
    burn = make_burn(
        [
            *daily_rent(1, 90),
            make_movement(700, account_id="undeposited"),
            make_movement(-50, account_id="card"),
        ]
    )
    assert [item.kind for item in burn.excluded] == [FlowKind.CARD_ACTIVITY, FlowKind.UNDEPOSITED]
    assert burn.gross_daily.note is None


def test_trade_needs_no_counter_account() -> None:
    """A bill payment's other side is A/P without its saying so."""
    burn = make_burn([*daily_rent(1, 90), make_movement(-5, counter_account_id=None, is_trade=True)])
    assert burn.gross_daily.note is None


def test_unknown_counter_accounts_are_said() -> None:
    burn = make_burn([*daily_rent(1, 90), make_movement(-5, counter_account_id=None)])
    assert "1 without a known counter account" in (burn.gross_daily.note or "")


@given(MOVEMENTS, TRANSFERS)
def test_own_transfers_never_change_burn(movements: list[CashMovement], transfers: list[list[CashMovement]]) -> None:
    anchor = make_movement(-1, 90)
    before = make_burn([*movements, anchor])
    after = make_burn([*movements, anchor, *(side for pair in transfers for side in pair)])
    assert (after.outflow, after.inflow, after.days) == (before.outflow, before.inflow, before.days)


@given(MOVEMENTS)
def test_every_movement_in_the_window_is_counted_or_listed(movements: list[CashMovement]) -> None:
    burn = make_burn(movements)
    inside = [m for m in movements if burn.starts_on <= m.on <= burn.ends_on]
    listed = [*burn.included, *burn.excluded]
    assert sum(item.n for item in listed) == len(inside)
    assert sum(item.amount for item in listed) == sum(m.amount for m in inside)
    assert sum(item.amount for item in burn.included) == -burn.net_outflow


@given(st.lists(st.integers(min_value=1, max_value=9999), max_size=10))
def test_card_purchases_never_change_burn(amounts: list[int]) -> None:
    rent = daily_rent(10, 90)
    purchases = [make_movement(-amount, account_id="card") for amount in amounts]
    assert make_burn(rent + purchases).outflow == make_burn(rent).outflow
