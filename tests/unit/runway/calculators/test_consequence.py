from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runway.calculators.consequence import Baseline, Decision
from runway.calculators.expected_dates import Expectations, ExpectedReceipt
from runway.calculators.impacts import Impacts
from runway.calculators.outlook import DatedFlow, PathRow
from tests.unit.runway.calculators.making import BASIS, T, whole, wholes
from tests.unit.runway.calculators.test_draws import make_draws, make_receipts
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, make_invoice, make_override
from tests.unit.runway.calculators.test_forecast_runway import SINCE, make_burn, money
from tests.unit.runway.calculators.test_outlook import FLOWS, make_flow


def make_baseline(
    *flows: DatedFlow, cash: int = 1000, receipts: list[ExpectedReceipt] | None = None, burn: int = 0
) -> Baseline:
    return Baseline(
        cash=money(cash),
        floor=money(100),
        draws=make_draws(*flows, receipts=receipts, opening=cash),
        flows=flows,
        burn=make_burn(burn),
        basis=BASIS,
        below_since=lambda: SINCE,
        n=len(flows),
    )


PAYROLL = replace(make_flow(-600, 20, row=PathRow.PAYROLL, key="pay-run"), is_must_pay=True)


def test_a_purchase_shortens_the_runway_and_uncovers_the_payroll() -> None:
    """10 a day after day 91 from 400 less floor: 31 days more. With 500 spent on day 5 the payroll meets -100."""
    got = make_baseline(PAYROLL, burn=10).preview(Decision(added=[make_flow(-500, 5)]))
    assert wholes(got.before.runway.days.value, got.after.runway.days.value, got.runway_days.value) == [122, 20, -102]
    assert wholes(got.low.value, got.low_change.value) == [-100, -500]
    assert (got.low_on, got.low_week_on) == (T + timedelta(days=20), T + timedelta(days=14))
    assert (got.newly_uncovered, got.now_covered) == ((PAYROLL,), ())


def test_paying_now_instead_of_later_changes_the_low_point_and_not_the_total() -> None:
    bill, income = make_flow(-700, 30), make_flow(900, 25, row=PathRow.INVOICES)
    got = make_baseline(bill, income).preview(Decision(removed=[bill], added=[replace(bill, on=T)]))
    assert wholes(got.low.value, got.low_change.value) == [300, -700]
    assert got.after.band.days[-1] == got.before.band.days[-1]
    assert got.runway_days.reason == "No cash-out in sight"


def test_a_promise_moves_one_invoice_and_only_it() -> None:
    model = Expectations(WEEKS_LATE)
    invoices = [make_invoice(external_id=str(i)) for i in range(5)]
    before = model.receipts(invoices)
    after = replace(model, overrides=(make_override(days=3),)).receipts(invoices)
    got = make_baseline(receipts=before).preview(Decision(receipts_before=[before[1]], receipts_after=[after[1]]))
    assert got.after.band == make_draws(receipts=after).band()


def test_a_delay_rescues_a_payroll() -> None:
    bill = make_flow(-500, 19)
    got = make_baseline(PAYROLL, bill).preview(
        Decision(removed=[bill], added=[replace(bill, on=T + timedelta(days=40))])
    )
    assert (got.newly_uncovered, got.now_covered) == ((), (PAYROLL,))


def test_doing_nothing_changes_nothing() -> None:
    got = make_baseline(PAYROLL, receipts=make_receipts(3)).preview(Decision())
    assert (got.before, whole(got.low_change.value)) == (got.after, 0)


def test_a_flow_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(ValueError, match="not in the baseline"):
        make_baseline(PAYROLL).preview(Decision(removed=[make_flow(-1, 1)]))


@settings(max_examples=25, deadline=None)
@given(FLOWS, st.integers(1, 60), st.integers(1, 60), st.decimals(min_value=1, max_value=9999, places=2))
def test_paying_earlier_never_helps_and_receiving_more_never_hurts(
    flows: list[DatedFlow], due: int, by: int, amount: Decimal
) -> None:
    bill = make_flow(-amount, due, key="the bill")
    baseline = make_baseline(*flows, bill)
    earlier = baseline.preview(Decision(removed=[bill], added=[replace(bill, on=T + timedelta(days=max(0, due - by)))]))
    assert (earlier.low_change.value or Decimal(0)) <= 0
    assert earlier.runway_days.value is None or earlier.runway_days.value <= 0
    richer = baseline.preview(Decision(added=[make_flow(amount, by)]))
    assert (richer.low_change.value or Decimal(0)) >= 0
    assert richer.runway_days.value is None or richer.runway_days.value >= 0


def test_a_second_payroll_at_risk_is_told_beside_the_first() -> None:
    """Both are of one key and one amount; the first was at risk before."""
    first, second = PAYROLL, replace(PAYROLL, on=T + timedelta(days=34))
    saved = make_flow(1200, 27, row=PathRow.INVOICES)
    got = make_baseline(first, second, saved, cash=500).preview(Decision(removed=[saved]))
    assert got.before.uncovered == (first,)
    assert (got.newly_uncovered, got.now_covered) == ((second,), ())


def test_where_cash_is_unknown_nothing_is_said_of_levels_and_what_it_covers() -> None:
    baseline = replace(make_baseline(PAYROLL, make_flow(-700, 30), cash=0), cash=money(None))
    got = baseline.preview(Decision(added=[make_flow(-50, 5)]))
    assert (got.before.uncovered, got.newly_uncovered) == ((), ())
    assert (got.low.value, got.low.reason, whole(got.low_change.value)) == (None, "Unknown", -50)
    assert (got.after.runway.floor_on, got.after.runway.early.days) == (None, None)
    impact = Impacts(baseline).of_paying([PAYROLL])
    assert (impact.low.value, impact.low.reason, whole(impact.low_change.value)) == (None, "Unknown", -600)
