from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.outlook import PathRow
from runway.calculators.unplanned import WeekdayProfile, weekday_profile
from tests.unit.runway.calculators.making import BASIS, T, whole, wholes

AMOUNTS = st.lists(
    st.tuples(st.integers(1, 100), st.decimals(min_value="0.01", max_value=999, places=2)),
    max_size=40,
)


def make_profile(*past: tuple[int, int], history: int = 91) -> WeekdayProfile:
    """`past`: (days ago, amount)."""
    return weekday_profile([(ago(days), Decimal(amount)) for days, amount in past], BASIS, history=history)


def ago(days: int) -> date:
    return T - timedelta(days=days)


def test_a_spike_bends_no_weekday_but_stays_in_the_residuals() -> None:
    fridays = [(7 * week, 50) for week in range(1, 14)]
    profile = make_profile(*fridays, (14, 3000))
    assert wholes(*profile.by_weekday) == [0, 0, 0, 0, 50, 0, 0]
    assert sorted(wholes(*profile.signed_residuals(-1)), key=lambda value: value or 0) == [-3000, *[0] * 12]
    assert (whole(profile.weekly.value), profile.weekly.n, profile.weekly.unit) == (50, 13, "USD/week")


def test_what_comes_weekly_on_changing_days_is_not_forgotten() -> None:
    """Monday and Tuesday in turn, 70 a week: no weekday has a median, yet the median week is 70."""
    past = [(7 * week + (4 if week % 2 else 3), 70) for week in range(13)]
    profile = make_profile(*past)
    assert profile.weekly.value == Decimal(70)
    assert profile.by_weekday[0] + profile.by_weekday[1] == Decimal(70)


def test_flows_go_out_from_tomorrow_on() -> None:
    flows = make_profile(*((7 * week, 50) for week in range(1, 14))).flows(PathRow.UNPLANNED, as_of=T, sign=-1)
    assert [(flow.on - T).days for flow in flows] == list(range(7, 92, 7))
    assert {whole(flow.amount) for flow in flows} == {-50}


def test_four_weeks_are_needed_and_only_whole_weeks_count() -> None:
    assert make_profile((1, 5), history=27).weekly.value is None
    assert make_profile((1, 5), history=27).flows(PathRow.UNPLANNED, as_of=T, sign=-1) == []
    assert len(make_profile((1, 5), history=34).residuals) == 4


@given(AMOUNTS)
def test_residuals_and_usual_weeks_add_up_to_what_there_was(past: list[tuple[int, Decimal]]) -> None:
    dated = [(ago(days), amount) for days, amount in past]
    profile = weekday_profile(dated, BASIS, history=91)
    assert profile == weekday_profile(dated[::-1], BASIS, history=91)
    total = sum((amount for days, amount in past if days <= 91), Decimal(0))
    assert sum(profile.residuals) + 13 * (profile.weekly.value or Decimal(0)) == total
    assert min(profile.by_weekday) >= 0
