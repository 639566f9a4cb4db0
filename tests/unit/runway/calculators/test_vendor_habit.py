"""Bills as late as their vendors are usually paid: by hand, and what must hold of any."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runway.calculators.ageing import Application, OpenDocument
from runway.calculators.cards import due_soon, owed_soon
from runway.calculators.forecast import Forecast, ForecastRules, forecast_on
from runway.calculators.groundwork import groundwork
from runway.calculators.lateness import InvoiceHistory
from runway.calculators.outlook import HORIZON_DAYS, PathRow
from runway.calculators.payers import payer_book
from runway.calculators.vendor_habit import late_by_habit, usual_days_late
from runway.orchestrators.pay_plans import safe_plan
from tests.unit.runway.calculators.making import T, whole
from tests.unit.runway.calculators.test_forecast import CHECKING, FEW, make_books, make_document, make_forecast, monthly

BY_HABIT = replace(FEW, bills_by_habit=True)
NOBODY: frozenset[str] = frozenset()


def paid(vendor: str, *days_late: int) -> list[InvoiceHistory]:
    """Bills of 100 paid today, so that each weighs one."""
    return [
        InvoiceHistory(vendor, T - timedelta(days=late), Decimal(100), (Application(T, Decimal(100)),))
        for late in days_late
    ]


@pytest.mark.parametrize(
    ("bills", "days"),
    [
        ([*paid("v", 10, 12, 20)], 12),
        ([*paid("v", 10, 12)], 0),  # too few to be a habit
        ([*paid("v", -5, 0, 9), *paid("w", 30, 30, 30)], 0),  # paid in time itself, however late others are
        # Of 20 days: 3 of its own and 1.5 of the pool's 6, against 4.5 of the pool at 2; with 4 of its own, 5.8 against 4.2.
        ([*paid("v", 20, 20, 20), *paid("w", *[2] * 9)], 2),
        ([*paid("v", 20, 20, 20, 20), *paid("w", *[2] * 9)], 20),
        ([*paid("v", 4, 4, 4), *paid("w", *[-9] * 30)], 0),  # drawn to before the due day: clipped
    ],
)
def test_the_habit_is_a_median_drawn_to_that_of_all_vendors(bills: list[InvoiceHistory], days: int) -> None:
    assert usual_days_late(payer_book(bills, T).of("v")) == days


def test_what_is_planned_or_past_its_day_is_moved_by_no_habit() -> None:
    vendors = payer_book(paid("p1", 10, 10, 10), T)
    bills = [make_document(str(due_in), 100, due_in) for due_in in (-11, -10, -9, 0, 5, 6, 7, HORIZON_DAYS + 1)]
    bills += [make_document("other", 100, 5, party="p2"), make_document("covered", 0, 5)]
    moved = late_by_habit(bills, vendors, as_of=T, planned={"6", "7"})
    assert moved == {"-9": 10, "0": 10, "5": 10}


BILLS = [
    make_document("soon", 100, 5), make_document("late", 200, -4), make_document("very late", 400, -12),
    make_document("must", 800, 6), make_document("scheduled", 1600, 7), make_document("in time", 3200, 8, party="p2"),
]  # fmt: skip
DECIDED = replace(BY_HABIT, must_pay=frozenset({"must"}), scheduled={"scheduled": T + timedelta(days=3)})
PAID = [*paid("p1", 10, 10, 10), *paid("p2", 0, 0, 0)]


def days_of(made: Forecast) -> dict[str, int]:
    return {flow.key: (flow.on - T).days for flow in made.flows if flow.row is PathRow.BILLS}


def test_the_forecast_pays_by_habit_where_the_business_wants_it() -> None:
    on, off = (make_forecast(make_books(bills=BILLS, paid_bills=PAID), rules) for rules in (DECIDED, FEW))
    assert days_of(on) == {"soon": 15, "late": 6, "very late": 0, "must": 6, "scheduled": 3, "in time": 8}
    assert days_of(off) == {"soon": 5, "late": 0, "very late": 0, "must": 6, "scheduled": 7, "in time": 8}
    assert on.parts.late_by_habit == {"soon": 10, "late": 10}
    told = [[one for one in made.assumptions if one.startswith("Open bills")] for made in (on, off)]
    assert ["usually paid late" in sentence for (sentence,) in told] == [True, False]


def test_what_is_due_is_due_however_late_it_is_expected() -> None:
    on, off = (
        make_forecast(make_books(bills=BILLS, paid_bills=PAID), replace(DECIDED, bills_by_habit=wanted))
        for wanted in (True, False)
    )
    assert whole(due_soon(on).total.value) == 100 + 200 + 400 + 800 + 1600
    assert due_soon(on) == due_soon(off)
    assert sorted(owed_soon(on), key=str) == sorted(owed_soon(off), key=str)


def test_a_safe_plan_aims_at_due_days_and_takes_no_habit_for_a_plan() -> None:
    rich = make_books(accounts=(replace(CHECKING, balance=Decimal(90000)),), bills=BILLS, paid_bills=PAID)
    plan = safe_plan(make_forecast(rich, DECIDED), {}, {})
    days = {one.document.external_id: ((one.row.pay_on or T) - T).days for one in plan.rows}
    assert days == {"soon": 5, "late": 0, "very late": 0, "must": 6, "scheduled": 3, "in time": 8}
    assert [one.document.external_id for one in plan.rows if one.is_fixed] == ["scheduled"]


def test_a_bill_that_is_paid_late_is_not_paid_once_more_in_its_rhythm() -> None:
    """Rent is paid on the 5th, twelve days after it is due: the open bill and the payment of 5 December are one."""
    bill = replace(make_document("rent", 1000, 2), party_name="Landlord")
    books = make_books(*monthly(-1000, counterparty="Landlord"), bills=[bill], paid_bills=paid("p1", 12, 12, 12))
    on = make_forecast(books, BY_HABIT)
    assert days_of(on) == {"rent": 14}
    assert [flow.on for flow in on.flows if flow.row is PathRow.RECURRING] == [date(2026, 1, 5), date(2026, 2, 5)]


OPEN = st.lists(st.tuples(st.integers(-40, HORIZON_DAYS + 20), st.sampled_from("vw")), max_size=8)
LATE = st.lists(st.tuples(st.sampled_from("vw"), st.integers(-20, 60)), max_size=12)


def documents(given_: Sequence[tuple[int, str]]) -> list[OpenDocument]:
    return [make_document(f"b{n}", 10, due_in, party=party) for n, (due_in, party) in enumerate(given_)]


@given(OPEN, LATE, st.sets(st.sampled_from(["b0", "b1", "b2"])), st.integers(0, 99))
def test_no_order_counts_no_plan_is_touched_and_nothing_is_paid_before_it_is_due(
    open_: list[tuple[int, str]], late: list[tuple[str, int]], planned: set[str], seed: int
) -> None:
    bills, histories = documents(open_), [one for vendor, days in late for one in paid(vendor, days)]
    moved = late_by_habit(bills, payer_book(histories, T), as_of=T, planned=planned)
    luck = Random(seed)  # noqa: S311  # an order, no secret
    luck.shuffle(bills)
    luck.shuffle(histories)
    assert late_by_habit(bills, payer_book(histories, T), as_of=T, planned=planned) == moved
    assert not moved.keys() & planned
    assert all(days > 0 for days in moved.values())
    assert all(
        bill.ages_from + timedelta(days=moved.get(bill.external_id, 1)) > T
        for bill in bills
        if bill.external_id in moved
    )


@settings(max_examples=6, deadline=None)
@given(OPEN, LATE)
def test_off_nothing_changes_and_on_it_builds_on_the_same_groundwork(
    open_: list[tuple[int, str]], late: list[tuple[str, int]]
) -> None:
    histories = [one for vendor, days in late for one in paid(vendor, days)]
    with_habits = make_books(bills=documents(open_), paid_bills=histories)
    off = make_forecast(with_habits, FEW)
    assert off == make_forecast(replace(with_habits, paid_bills=()), FEW)
    ground = groundwork(with_habits, ForecastRules().flows)
    on = make_forecast(with_habits, BY_HABIT)
    for rules, plain in ((BY_HABIT, on), (FEW, off), (BY_HABIT, on)):
        assert forecast_on(ground, company_id="company", rules=rules) == plain
    due, expected = days_of(off), days_of(on)
    assert all(expected[key] >= due[key] for key in due)
    assert sum(flow.amount for flow in on.flows) == sum(flow.amount for flow in off.flows)
