from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from runway.calculators.consequence import Baseline, Decision
from runway.calculators.decisions import (
    CustomerLate,
    CustomerLost,
    DelayBills,
    Expected,
    Hire,
    PayBill,
    ReceiveInvoice,
    Step,
    decide,
)
from runway.calculators.expected_dates import Expectations, ExpectedReceipt
from runway.calculators.impacts import Impacts, bill_flows_by_id, days_of
from runway.calculators.outlook import DatedFlow
from tests.unit.runway.calculators.making import T, wholes
from tests.unit.runway.calculators.test_consequence import PAYROLL, make_baseline
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, make_invoice
from tests.unit.runway.calculators.test_outlook import make_flow

RENT = replace(make_flow(-300, 30, key="rent"), is_must_pay=True)
PAPER, WOOD = make_flow(-200, 10, key="paper"), make_flow(-500, 40, key="wood")
FLOWS = (PAPER, WOOD, RENT, PAYROLL)


def expected(*flows: DatedFlow, receipts: list[ExpectedReceipt] | None = None) -> Expected:
    return Expected(T, flows or FLOWS, receipts or [])


def after(*steps: Step) -> list[tuple[str, int, int]]:
    """Key, days after T and amount of every flow once the steps are taken."""
    decision = decide(expected(), steps)
    left = list(FLOWS)
    for flow in decision.removed:
        left.remove(flow)
    return sorted((flow.key, (flow.on - T).days, int(flow.amount)) for flow in [*left, *decision.added])


def test_a_bill_is_paid_on_another_day_whole_or_in_part() -> None:
    rest = [("pay-run", 20, -600), ("rent", 30, -300), ("wood", 40, -500)]
    assert after(PayBill("paper", T)) == sorted([("paper", 0, -200), *rest])
    assert after(PayBill("paper", T - timedelta(days=3))) == sorted([("paper", 0, -200), *rest])
    part = after(PayBill("paper", T + timedelta(days=2), Decimal(50)))
    assert part == sorted([("paper", 2, -50), ("paper", 10, -150), *rest])
    assert after(PayBill("gone", T)) == after()


def test_steps_are_taken_one_after_the_other() -> None:
    assert after(DelayBills(7), PayBill("paper", T)) == after(PayBill("paper", T), DelayBills(7, frozenset({"paper"})))
    delayed = {key: days for key, days, _ in after(DelayBills(7, frozenset({"wood"})))}
    assert delayed == {"paper": 17, "wood": 40, "rent": 30, "pay-run": 20}
    assert ("hire", 14, -100) in after(Hire(Decimal(100), T, 14))


def test_nothing_decided_changes_nothing() -> None:
    assert decide(expected(), []) == Decision()
    assert decide(expected(), [CustomerLost(), CustomerLate(30)]) == Decision()


def receipts() -> list[ExpectedReceipt]:
    invoices = [
        make_invoice(amount=100, external_id="1", party_id="acme"),
        make_invoice(amount=300, external_id="2", party_id="best"),
    ]
    return Expectations(WEEKS_LATE).receipts(invoices)


def test_a_promise_takes_the_invoice_out_of_the_model_whole_or_in_part() -> None:
    known = expected(receipts=receipts())
    day = T + timedelta(days=10)
    whole = decide(known, [ReceiveInvoice("1", day)])
    assert [receipt.external_id for receipt in whole.receipts_before] == ["1"]
    assert {date for receipt in whole.receipts_after for date in receipt.dates} == {day}
    part = decide(known, [ReceiveInvoice("1", day, Decimal(40))]).receipts_after
    assert [receipt.amount for receipt in part] == [40, 60]
    assert part[1].dates == receipts()[0].dates
    over = decide(known, [ReceiveInvoice("1", day, Decimal(400))]).receipts_after
    assert [receipt.amount for receipt in over] == [100]


def test_the_top_customer_is_meant_unless_one_is_named() -> None:
    known = expected(receipts=receipts())
    assert [one.customer_id for one in decide(known, [CustomerLost()]).receipts_before] == ["best"]
    lost = decide(known, [CustomerLost("acme"), CustomerLost()])
    assert (len(lost.receipts_before), lost.receipts_after) == (2, ())
    late = decide(known, [CustomerLate(30)])
    assert all(
        a >= b + timedelta(days=30) for a, b in zip(late.receipts_after[0].dates, receipts()[1].dates, strict=True)
    )


@given(days=st.integers(0, 90), amount=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_what_is_paid_in_part_adds_up(days: int, amount: int) -> None:
    decision = decide(expected(), [PayBill("paper", T + timedelta(days=days), Decimal(amount))])
    assert sum(flow.amount for flow in decision.added) == PAPER.amount


def baseline() -> Baseline:
    return make_baseline(*FLOWS, cash=3000, receipts=receipts(), burn=10)


def test_the_impact_of_paying_is_the_preview_without_it_turned_round() -> None:
    own = bill_flows_by_id(FLOWS)["wood"]
    impact = Impacts(baseline()).of_paying(own)
    plain = baseline().preview(Decision(removed=own))
    assert plain.runway_days.value is not None
    assert days_of(impact) == -plain.runway_days.value
    assert impact.low_change.value == -(plain.low_change.value or 0)
    assert wholes(impact.low.value) == wholes(plain.before.runway.low_point.amount.value)


def test_the_impact_of_collecting_is_never_bad() -> None:
    impacts = Impacts(baseline())
    for receipt in receipts():
        impact = impacts.of_collecting(receipt)
        assert (impact.low_change.value or 0) >= 0
        assert (days_of(impact) or 0) >= 0
    assert impact.low_week_on <= impact.low_on
    assert days_of(None) is None
