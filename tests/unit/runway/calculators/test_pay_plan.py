from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.outlook import DatedFlow
from runway.calculators.pay_plan import PayPlan, PlannedBill, pay_plan
from tests.unit.runway.calculators.making import T, whole
from tests.unit.runway.calculators.test_draws import make_draws
from tests.unit.runway.calculators.test_outlook import make_flow

FLOOR = Decimal(100)
BILLS = st.lists(
    st.builds(
        lambda key, amount, due, early, must: make_bill(amount, due, key=key, early=early, is_must_pay=must),
        st.uuids().map(str),
        st.integers(1, 900),
        st.integers(-10, 100),
        st.none() | st.integers(-2, 20),
        st.booleans(),
    ),
    max_size=12,
)


def make_bill(amount: int, due: int = 5, *, key: str = "1", early: int | None = None, **more: Any) -> PlannedBill:
    discount = None if early is None else (T + timedelta(days=early), Decimal(amount) / 50)
    return PlannedBill(key, Decimal(amount), T + timedelta(days=due), discount, **more)


def make_plan(*bills: PlannedBill, flows: tuple[DatedFlow, ...] = (), cash: int = 1000) -> PayPlan:
    return pay_plan(bills, make_draws(*flows, opening=cash).band(), floor=FLOOR)


def days_of(plan: PayPlan) -> dict[str, int | None]:
    return {row.external_id: None if row.pay_on is None else (row.pay_on - T).days for row in plan.rows}


def test_bills_wait_for_the_money_and_must_pays_do_not() -> None:
    """900 to spare: pay and taxes of 600 on day 9, so that 400 due on day 5 wait for the 500 of day 20."""
    pay = make_bill(600, 9, key="pay", is_must_pay=True)
    plan = make_plan(make_bill(400, 5), pay, make_bill(200, -3, key="old"), flows=(make_flow(500, 20),))
    assert days_of(plan) == {"pay": 9, "old": 0, "1": 20}
    assert [row.days_late for row in plan.rows] == [0, 0, 15]
    assert (whole(plan.lowest_p10), plan.unmet) == (200, ())


def test_what_cannot_be_met_is_said() -> None:
    plan = make_plan(make_bill(901), make_bill(900, 7, key="2"))
    assert (days_of(plan), plan.unmet) == ({"1": None, "2": 7}, ("1",))
    short = make_plan(make_bill(950, is_must_pay=True), make_bill(1, 6, key="2"))
    assert (short.rows[0].breaks_floor, short.unmet, whole(short.lowest_p10)) == (True, ("2",), 50)


def test_a_discount_is_taken_where_it_fits() -> None:
    taken = make_plan(make_bill(500, 30, early=3)).rows[0]
    assert (taken.pay_on, taken.takes_discount, whole(taken.amount)) == (T + timedelta(days=3), True, 490)
    waits = make_plan(make_bill(500, 30, early=3), flows=(make_flow(-600, 2), make_flow(900, 9))).rows[0]
    assert (waits.pay_on, waits.takes_discount, whole(waits.amount)) == (T + timedelta(days=30), False, 500)
    lapsed = make_plan(make_bill(500, 30, early=-1)).rows[0]
    assert not lapsed.takes_discount


def test_what_is_fixed_only_takes_its_room() -> None:
    plan = make_plan(make_bill(800, 2, key="sent", is_fixed=True), make_bill(200, 1))
    assert (days_of(plan), plan.unmet) == ({"sent": 2, "1": None}, ("1",))


@given(BILLS)
def test_without_must_pays_the_floor_holds_in_any_order(bills: list[PlannedBill]) -> None:
    plan = make_plan(*bills)
    assert plan == make_plan(*bills[::-1])
    assert len(plan.rows) == len(bills)
    if not any(row.breaks_floor for row in plan.rows):
        assert plan.lowest_p10 >= FLOOR
    asked = {bill.external_id: bill for bill in bills}
    for row in plan.rows:
        assert row.pay_on is None or row.takes_discount or row.pay_on >= max(asked[row.external_id].due_on, T)
