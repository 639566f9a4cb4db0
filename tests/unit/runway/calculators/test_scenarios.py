from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from runway.calculators.expected_dates import Expectations, ExpectedReceipt
from runway.calculators.scenarios import customer_late, customer_lost, delay_bills, hire, top_customer
from tests.unit.runway.calculators.making import T, whole
from tests.unit.runway.calculators.test_consequence import PAYROLL, make_baseline
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, days_of, make_invoice
from tests.unit.runway.calculators.test_outlook import make_flow


def make_owed() -> list[ExpectedReceipt]:
    """Acme owes 300 in two invoices, Bolt 200."""
    owed = [("1", "acme", 150), ("2", "acme", 150), ("3", "bolt", 200)]
    return Expectations(WEEKS_LATE).receipts(
        [make_invoice(amount=amount, external_id=key, party_id=party) for key, party, amount in owed]
    )


def test_the_top_customer_is_late() -> None:
    receipts = make_owed()
    assert top_customer(receipts) == "acme"
    decision = customer_late(receipts, "acme", days=30, as_of=T)
    # 7, 21, 35, 56 and 63 days from a Friday; 30 later are Sundays, so Mondays: 31 later.
    assert [days_of(receipt) for receipt in decision.receipts_after] == [[38, 52, 66, 87, 94]] * 2
    assert decision.receipts_after[0].likely_days[0] == receipts[0].likely_days[0] + 31
    lows = make_baseline(make_flow(-950, 60), receipts=receipts).preview(decision)
    assert (lows.low_change.value or 0) < 0


def test_a_lost_customer_brings_nothing() -> None:
    receipts = make_owed()
    got = make_baseline(cash=0, receipts=receipts).preview(customer_lost(receipts, "acme"))
    assert whole(got.after.band.days[-1].p90) == 200


def test_a_hire_costs_each_pay_run() -> None:
    runs = hire(Decimal(2000), starts_on=T, every_days=14, as_of=T).added
    assert [(run.on - T).days for run in runs] == [14, 28, 42, 56, 70, 84]
    assert {(whole(run.amount), run.is_must_pay) for run in runs} == {(-2000, True)}
    with pytest.raises(ValueError, match="apart"):
        hire(Decimal(1), starts_on=T, every_days=0, as_of=T)


def test_what_can_wait_waits() -> None:
    must = replace(make_flow(-9, 1, key="2"), is_must_pay=True)
    flows = [make_flow(-100, -3), must, make_flow(-5, 4, key="3"), PAYROLL]
    decision = delay_bills(flows, days=10, as_of=T, fixed={"3"})
    assert [(flow.key, (flow.on - T).days) for flow in decision.added] == [("1", 10)]
    got = make_baseline(*flows).preview(decision)
    assert got.after.band.days[0].p50 == Decimal(1000)
    assert decision.added[0].on == T + timedelta(days=10)


def test_nobody_owes_anything() -> None:
    assert top_customer([]) is None
