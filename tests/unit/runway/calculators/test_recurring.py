from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.flows import FlowRules, classify
from runway.calculators.outflow_kinds import OutflowKind, PastOutflow, outflow_kind, past_outflows
from runway.calculators.outlook import PathRow
from runway.calculators.recurring import Rhythm, find_recurring, recurring_flows, tax_flow, unexplained
from tests.unit.runway.calculators.making import BASIS, CHART, T, make_account, make_movement, whole


def make_outflow(on: date, amount: int = 1000, *, payee: str = "landlord", **more: Any) -> PastOutflow:
    fields: dict[str, Any] = {"kind": OutflowKind.OTHER, "source": "Purchase", "external_id": f"{on}"} | more
    return PastOutflow(on, Decimal(amount), payee, payee.title(), **fields)


def at_gaps(last_ago: int, gaps: Sequence[int], amounts: Sequence[int] = (), **more: Any) -> list[PastOutflow]:
    """The newest `last_ago` days before T, each older by the next gap."""
    on, found = T - timedelta(days=last_ago), []
    for index, gap in enumerate((0, *gaps)):
        on -= timedelta(days=gap)
        found.append(make_outflow(on, amounts[index] if amounts else 1000, **more))
    return found


RENT = [make_outflow(date(2025, month, 1)) for month in (8, 9, 10, 11)]


@pytest.mark.parametrize(
    ("gaps", "rhythm"),
    [
        ((7, 7), Rhythm.WEEKLY),
        ((5, 9), Rhythm.WEEKLY),
        ((4, 7), None),
        ((10, 10), None),
        ((12, 16), Rhythm.BIWEEKLY),
        ((26, 34), Rhythm.MONTHLY),
        ((35, 30), None),
        ((84, 98), Rhythm.QUARTERLY),
        ((355, 375), Rhythm.YEARLY),
        ((376, 365), None),
        ((7,), None),
    ],
)
def test_gaps(gaps: tuple[int, ...], rhythm: Rhythm | None) -> None:
    found = find_recurring(at_gaps(3, gaps), BASIS)
    assert [item.rhythm for item in found] == ([rhythm] if rhythm else [])


@pytest.mark.parametrize(
    ("amounts", "amount"), [((1000, 1000, 1250), 1000), ((1000, 1000, 1251), None), ((800, 900, 1000), 900)]
)
def test_amounts_spread_a_quarter_of_the_median_at_most(amounts: tuple[int, ...], amount: int | None) -> None:
    found = find_recurring(at_gaps(3, (7, 7), amounts), BASIS)
    assert [whole(item.amount.value) for item in found] == ([amount] if amount else [])


def test_what_came_before_the_rhythm_does_not_count() -> None:
    (found,) = find_recurring([*at_gaps(3, (7, 7, 7, 20), (100, 100, 100, 500, 100))], BASIS)
    assert (len(found.occurrences), found.amount.n) == (3, 3)


def test_what_missed_its_turn_has_ended() -> None:
    assert find_recurring(at_gaps(9, (7, 7)), BASIS)
    assert not find_recurring(at_gaps(10, (7, 7)), BASIS)


def test_rent_on_the_first_comes_on_the_first_or_the_banking_day_before() -> None:
    flows = recurring_flows(find_recurring(RENT, BASIS), as_of=T)
    # 1 February 2026 is a Sunday: Friday 30 January. 1 March is beyond 20 February.
    assert [flow.on for flow in flows] == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 1, 30)]
    assert {(whole(flow.amount), flow.row, flow.is_must_pay) for flow in flows} == {(-1000, PathRow.RECURRING, False)}


def test_a_payment_moved_over_the_month_end_shifts_no_month() -> None:
    early = [*(make_outflow(date(2025, m, 1)) for m in (8, 9, 10)), make_outflow(date(2025, 10, 31))]
    (found,) = find_recurring(early, BASIS)
    assert found.due_dates(T)[:2] == [date(2025, 12, 1), date(2026, 1, 1)]


def test_the_thirty_first_ends_in_short_months() -> None:
    ends = [make_outflow(date(2025, 8, 31)), make_outflow(date(2025, 9, 30)), make_outflow(date(2025, 10, 31))]
    (found,) = find_recurring(ends, BASIS)
    assert found.due_dates(T) == [date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 31)]


def test_an_open_bill_within_the_tolerance_stands_for_its_occurrence() -> None:
    series = find_recurring(RENT, BASIS)
    bills = [("landlord", date(2025, 12, 5)), ("somebody else", date(2026, 1, 1))]
    assert [flow.on.month for flow in recurring_flows(series, as_of=T, open_bills=bills)] == [1, 1]
    bills = [("landlord", date(2025, 12, 6))]
    assert len(recurring_flows(series, as_of=T, open_bills=bills)) == 3


def test_a_late_occurrence_is_paid_today() -> None:
    flows = recurring_flows(find_recurring(at_gaps(8, (7, 7)), BASIS), as_of=T)
    assert [(flow.on - T).days for flow in flows[:2]] == [0, 6]


def test_pay_runs_are_the_pay_of_a_day_whoever_gets_it() -> None:
    cheques = [
        make_outflow(T - timedelta(days=1 + 14 * run), 500 + 10 * person, payee=f"p{person}", kind=OutflowKind.PAYROLL)
        for run in range(3)
        for person in range(3)
    ]
    (run,) = find_recurring(cheques, BASIS)
    assert (run.key, run.rhythm, whole(run.amount.value)) == ("pay-run", Rhythm.BIWEEKLY, 1530)
    flow = recurring_flows([run], as_of=T)[0]
    assert (flow.row, flow.is_must_pay, (flow.on - T).days) == (PathRow.PAYROLL, True, 13)
    assert unexplained([*cheques, RENT[0]], [run]) == [RENT[0]]


@pytest.mark.parametrize(
    ("subtype", "name", "payee", "kind"),
    [
        ("PayrollTaxPayable", "x", "Gusto", OutflowKind.PAYROLL_TAX),
        (None, "Payroll tax payable", None, OutflowKind.PAYROLL_TAX),
        (None, "Direct deposit payable (wages)", None, OutflowKind.PAYROLL),
        (None, "Board of Equalization payable", "Dept. of Revenue", OutflowKind.SALES_TAX),
        (None, "x", "GUSTO", OutflowKind.PAYROLL),
        (None, "x", "IRS USATAXPYMT", OutflowKind.PAYROLL_TAX),
        (None, "x", "Adpress Ltd", OutflowKind.OTHER),
        ("RentOrLeaseOfBuildings", "x", None, OutflowKind.RENT),
        ("NotesPayable", "x", None, OutflowKind.DEBT),
        (None, "Office supplies", "Staples", OutflowKind.OTHER),
    ],
)
def test_kinds(subtype: str | None, name: str, payee: str | None, kind: OutflowKind) -> None:
    assert outflow_kind(make_account("1", "Expense", subtype, name=name), payee) is kind


def test_only_operating_cash_out_is_looked_at() -> None:
    moves = [make_movement(-5, counterparty=None), make_movement(7), make_movement(-9, counter_account_id="savings")]
    (only,) = past_outflows(classify(moves, CHART, rules=FlowRules()), CHART)
    assert (only.payee_key, only.kind, whole(only.amount)) == ("account rent", OutflowKind.RENT, 5)


def test_a_tax_leaves_on_its_filing_date_and_a_credit_does_not_come() -> None:
    (flow,) = tax_flow(Decimal(370), filing_on=date(2025, 12, 20))
    assert (whole(flow.amount), flow.on, flow.is_must_pay) == (-370, date(2025, 12, 20), True)
    assert tax_flow(Decimal(-5), filing_on=T) == []


@given(st.lists(st.tuples(st.integers(1, 120), st.integers(90, 110), st.sampled_from("ab")), max_size=25))
def test_order_does_not_matter(items: list[tuple[int, int, str]]) -> None:
    past = [make_outflow(T - timedelta(days=ago), amount, payee=payee) for ago, amount, payee in items]
    assert find_recurring(past, BASIS) == find_recurring(past[::-1], BASIS)


def test_what_is_booked_today_or_ahead_is_in_the_balance_already() -> None:
    """Rent on the 1st; today is the 1st of December, and its payment is booked: the next is January's."""
    today = date(2025, 12, 1)
    series = find_recurring(RENT, replace(BASIS, as_of=today))

    def days(*booked: PastOutflow) -> list[date]:
        return [flow.on for flow in recurring_flows(series, as_of=today, booked=booked)]

    later = [date(2026, 1, 1), date(2026, 1, 30), date(2026, 2, 27)]
    assert days() == days(*RENT) == [today, *later]
    assert days(make_outflow(today)) == later
    assert days(make_outflow(date(2025, 12, 4))) == later, "a cheque that is dated ahead"
    assert days(make_outflow(today, 100)) == [today, *later], "a small purchase is not the rent"
    assert days(make_outflow(today, payee="somebody else")) == [today, *later]
    assert days(make_outflow(today, kind=OutflowKind.RENT)) == [today, *later]
