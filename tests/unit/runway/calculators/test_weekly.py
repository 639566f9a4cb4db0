from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.core.movements import CashMovement
from runway.calculators.burn import history_days
from runway.calculators.flows import FlowRules, classify
from runway.calculators.weekly import WeeklyFlows, weekly_flows
from tests.unit.runway.calculators.making import BASIS, CHART, T, daily_rent, make_movement


def make_weekly(movements: list[CashMovement]) -> WeeklyFlows:
    flows = classify(movements, CHART, rules=FlowRules())
    return weekly_flows(flows, BASIS, history=history_days(flows, T))


def test_thirteen_weeks_of_complete_days_ending_yesterday() -> None:
    weekly = make_weekly([*daily_rent(10, 120), make_movement(-999, 0)])
    assert (len(weekly.weeks), {week.net for week in weekly.weeks}) == (13, {Decimal(-70)})
    assert (weekly.weeks[0].starts_on, weekly.weeks[-1].ends_on) == (T - timedelta(days=91), T - timedelta(days=1))
    assert (weekly.mean.value, weekly.median.value, weekly.mean.unit) == (Decimal(-70), Decimal(-70), "USD/week")
    assert (weekly.mean.n, weekly.mean.n_of, weekly.difference) == (13, "weeks", None)


def test_one_spike_moves_the_mean_and_is_named() -> None:
    spike = make_movement(-42000, 20, counterparty="IRS", source="Purchase", external_id="88")
    weekly = make_weekly([*daily_rent(10, 91), spike])
    assert weekly.median.value == Decimal(-70)
    assert weekly.difference is not None
    assert "42,000.00 out to IRS on 2025-11-01 (Purchase 88)" in weekly.difference


@pytest.mark.parametrize(("spike", "differ"), [("303.33", False), ("303.34", True)])
def test_a_quarter_of_the_mean_is_the_limit(spike: str, *, differ: bool) -> None:
    # 13 weeks of -70 and one spike s: |mean - median| = s/13, |mean| = 70 + s/13; a quarter of it is reached at s = 303.33…
    weekly = make_weekly([*daily_rent(10, 91), make_movement(-Decimal(spike), 20, external_id="s")])
    assert (weekly.difference is not None) is differ


def test_lines_of_one_document_are_one_item() -> None:
    lines = [
        make_movement(-60, 5, source="Bill", external_id="1"),
        make_movement(-60, 5, source="Bill", external_id="1"),
    ]
    weekly = make_weekly([*daily_rent(1, 91), make_movement(-100, 5, external_id="2"), *lines])
    assert weekly.largest is not None
    assert (weekly.largest.external_id, weekly.largest.amount) == ("1", Decimal(-120))


@pytest.mark.parametrize(("history", "weeks"), [(27, 0), (28, 4), (90, 12), (91, 13), (300, 13)])
def test_weeks_follow_the_history(history: int, weeks: int) -> None:
    weekly = make_weekly(daily_rent(10, history))
    assert len(weekly.weeks) == weeks
    assert (weekly.mean.value is None) is (weeks == 0)
    assert (weekly.mean.note is not None) is (0 < weeks < 13)


@given(st.lists(st.integers(min_value=-9999, max_value=9999), min_size=91, max_size=91))
def test_weeks_hold_each_day_once(amounts: list[int]) -> None:
    movements = [make_movement(amount, ago) for ago, amount in enumerate(amounts, start=1)]
    weekly = make_weekly([*movements, make_movement(-1, 92)])
    assert sum(week.net for week in weekly.weeks) == sum(amounts)
