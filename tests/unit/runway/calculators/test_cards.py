from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from runway.calculators.cards import Weight, by_due_date, due_soon, matters, open_soon
from runway.calculators.floor import AbsoluteFloor
from tests.unit.runway.calculators.making import T, make_account, whole
from tests.unit.runway.calculators.test_forecast import CHECKING, FEW, make_books, make_document, make_forecast

BILLS = [make_document("b1", 300, -2), make_document("b2", 500, 7), make_document("b3", 700, 8)]


def test_what_is_due_within_a_week_holds_what_is_overdue() -> None:
    made = make_forecast(make_books(bills=BILLS), replace(FEW, must_pay=frozenset({"b2", "b3"})))
    due = due_soon(made)
    assert (whole(due.total.value), due.total.n, whole(due.must_pays.value), due.must_pays.n) == (800, 2, 500, 1)
    assert [flow.key for flow in made.path.owed] == ["b1", "b2", "b3"]
    soon = open_soon(made.payables, made, days=7)
    assert (whole(soon.due.value), soon.due.n) == (500, 1)
    listed = by_due_date(made.payables, until=T + timedelta(days=7))
    assert [item.document.external_id for item in listed] == ["b1", "b2"]


def test_what_matters_most_comes_first() -> None:
    books = make_books(accounts=(replace(CHECKING, balance=Decimal(400)), make_account("rent", "Expense")), bills=BILLS)
    made = make_forecast(books, replace(FEW, floor=AbsoluteFloor(Decimal(100)), must_pay=frozenset({"b2"})))
    found = matters(made)
    assert [one.weight for one in found] == sorted((one.weight for one in found), key=list(Weight).index)
    assert (found[0].weight, found[0].on, found[0].amount) == (Weight.ALARM, T + timedelta(days=7), Decimal(500))
    assert any(one.text == "Bills are overdue: 1" and one.amount == Decimal(300) for one in found)
    assert any("below the floor within 13 weeks" in one.text for one in found)
    assert len(found) <= 5


def test_a_company_with_nothing_to_say_says_nothing() -> None:
    assert [one.weight for one in matters(make_forecast(make_books()))] in ([], [Weight.NOTE])
