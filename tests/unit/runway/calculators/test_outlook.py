from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.expected_dates import Expectations
from runway.calculators.outlook import (
    HORIZON_DAYS,
    CashPath,
    DatedFlow,
    PathRow,
    bill_flows,
    cash_path,
    receipt_flows,
    undeposited_flow,
)
from tests.unit.runway.calculators.making import T, whole, wholes
from tests.unit.runway.calculators.test_ageing import make_document
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, make_invoice

FLOWS = st.lists(
    st.builds(
        lambda days, amount, row, key: make_flow(amount, days, row=row, key=key),
        st.integers(-5, HORIZON_DAYS + 5),
        st.decimals(min_value=-9999, max_value=9999, places=2),
        st.sampled_from(PathRow),
        st.sampled_from("abc"),
    )
)


def make_flow(amount: Decimal | int, days: int = 1, *, row: PathRow = PathRow.BILLS, key: str = "1") -> DatedFlow:
    return DatedFlow(T + timedelta(days=days), Decimal(amount), row, key)


def make_path(*flows: DatedFlow, opening: int = 1000) -> CashPath:
    return cash_path(Decimal(opening), flows, as_of=T)


def test_the_path_by_hand() -> None:
    path = make_path(make_flow(-300, -4), make_flow(-900, 7), make_flow(500, 8, row=PathRow.INVOICES), make_flow(9, 92))
    closings = wholes(*(path.days[ahead].closing for ahead in (0, 6, 7, 8, 91)))
    assert (len(path.days), closings, path.low.on) == (92, [700, 700, -200, 300, 300], T + timedelta(days=7))
    first, second, *_, last = path.weeks()
    assert wholes(first.opening, first.closing, first.low) == [1000, -200, -200]
    assert first.rows == {PathRow.BILLS: Decimal(-1200)}
    assert wholes(second.opening, second.closing) == [-200, 300]
    assert second.rows == {PathRow.INVOICES: Decimal(500)}
    assert (last.ends_on, whole(last.closing)) == (T + timedelta(days=91), 300)


def test_an_invoice_is_spread_over_five_dates() -> None:
    flows = receipt_flows(Expectations(WEEKS_LATE).receipts([make_invoice(amount=500)]))
    assert [((flow.on - T).days, whole(flow.amount)) for flow in flows] == [
        (7, 100),
        (21, 100),
        (35, 100),
        (56, 100),
        (63, 100),
    ]


def test_a_bill_is_paid_as_planned_else_when_due_else_today() -> None:
    bills = [make_document(10, late, external_id=str(late)) for late in (-9, 4, 5)]
    flows = bill_flows(bills, as_of=T, scheduled={"5": T + timedelta(days=3)}, must_pay=frozenset({"4"}))
    assert [((flow.on - T).days, whole(flow.amount), flow.is_must_pay) for flow in flows] == [
        (9, -10, False),
        (0, -10, True),
        (3, -10, False),
    ]


def test_undeposited_funds_come_in_on_the_next_banking_day() -> None:
    assert [(flow.on - T).days for flow in undeposited_flow(Decimal(5), as_of=T)] == [3]
    assert undeposited_flow(Decimal(0), as_of=T) == []


@given(FLOWS)
def test_path_is_opening_plus_flows_and_weeks_chain(flows: list[DatedFlow]) -> None:
    path = make_path(*flows)
    for day in path.days:
        assert day.closing == 1000 + sum(flow.amount for flow in path.flows if flow.on <= day.on)
    weeks = path.weeks()
    assert all(week.closing == week.opening + sum(week.rows.values()) for week in weeks)
    assert [week.opening for week in weeks] == [1000, *(week.closing for week in weeks[:-1])]
    assert path.low.closing == min(week.low for week in weeks)


@given(FLOWS)
def test_the_order_of_flows_does_not_matter(flows: list[DatedFlow]) -> None:
    assert make_path(*flows) == make_path(*flows[::-1])


@given(FLOWS, st.integers(0, 60), st.integers(1, 30), st.decimals(min_value=1, max_value=9999, places=2))
def test_paying_earlier_never_raises_the_low_point(
    flows: list[DatedFlow], early: int, later_by: int, amount: Decimal
) -> None:
    sooner, later = make_flow(-amount, early), make_flow(-amount, early + later_by)
    assert make_path(*flows, sooner).low.closing <= make_path(*flows, later).low.closing
