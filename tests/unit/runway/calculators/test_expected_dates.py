from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.ageing import OpenDocument
from runway.calculators.expected_dates import Expectations, ExpectedBy, ExpectedReceipt, Override
from runway.calculators.payers import PayerBook, payer_book
from tests.unit.runway.calculators.making import T
from tests.unit.runway.calculators.test_payers import make_history

# Ten invoices paid on T, 1 to 10 weeks late, so that all weigh the same and due + lateness falls on T's weekday.
WEEKS_LATE = payer_book([make_history((7 * w, 100), due_ago=7 * w, customer=f"c{w}") for w in range(1, 11)], T)
NO_HISTORY = payer_book([], T)


def make_invoice(late: int = 0, amount: int | str = 100, **more: Any) -> OpenDocument:
    fields: dict[str, Any] = {"external_id": "1", "party_id": "new", "party_name": "New"} | more
    due_on = T - timedelta(days=late)
    return OpenDocument(issued_on=due_on - timedelta(days=30), due_on=due_on, open_amount=Decimal(amount), **fields)


def expect(invoice: OpenDocument, book: PayerBook = WEEKS_LATE, **more: Any) -> ExpectedReceipt:
    return Expectations(book, **more).receipts([invoice])[0]


def make_override(by: ExpectedBy = ExpectedBy.PROMISE, days: int | None = 5, **more: Any) -> Override:
    on = None if days is None else T + timedelta(days=days)
    return Override("1", by, "kim", made_on=more.pop("made_on", T), on=on, **more)


def days_of(receipt: ExpectedReceipt) -> list[int]:
    return [(day - T).days for day in receipt.dates]


def test_a_new_customer_behaves_like_the_company() -> None:
    receipt = expect(make_invoice())
    assert days_of(receipt) == [7, 21, 35, 56, 63]
    assert (receipt.by, receipt.n, receipt.is_doubtful) == (ExpectedBy.MODEL, 0, False)


def test_only_lateness_beyond_its_own_survives() -> None:
    # 36 days late: 42, 49, 56, 63, 70 remain, 6, 13, 20, 27 and 34 days ahead; each rolls from Thursday to Thursday.
    assert days_of(expect(make_invoice(late=36))) == [6, 13, 20, 27, 34]


def test_dates_roll_to_banking_days() -> None:
    # 41 days late: first survivor a day ahead, on Saturday, goes to Monday.
    assert days_of(expect(make_invoice(late=41)))[0] == 3


def test_beyond_all_examples_it_is_doubtful_with_an_exponential_tail() -> None:
    receipt = expect(make_invoice(late=80))
    # Mean excess over the pool's median 35: (7 + 14 + 21 + 28 + 35) / 5 = 21; 21 x 0.105, 0.288, 0.693, 1.386, 2.303.
    assert days_of(receipt) == [3, 7, 17, 31, 49]  # 3, 7, 15 (a Saturday), 30 (a Sunday), 49
    assert (receipt.is_doubtful, receipt.asks_in_tray) == (True, False)


def test_without_any_history_it_waits_from_its_due_date() -> None:
    receipt = expect(make_invoice(late=-10), NO_HISTORY)
    # 15 days assumed: 10 + 2, 5, 11, 21, 35 days.
    assert days_of(receipt) == [12, 17, 21, 31, 45]
    assert receipt.is_doubtful


def test_far_beyond_the_customers_habit_it_is_excluded_and_asked_about() -> None:
    assert not expect(make_invoice(late=126)).asks_in_tray  # twice P90 of 63, not more
    receipt = expect(make_invoice(late=127))
    assert (receipt.by, receipt.asks_in_tray, receipt.dates, receipt.spread()) == (ExpectedBy.EXCLUDED, True, (), ())


def test_a_usual_weekday_attracts_the_nearest_but_never_today() -> None:
    wednesdays = [make_history((d, 100), due_ago=d, customer="new") for d in (2, 9, 16, 23, 30, 37, 44, 51)]
    book = payer_book(wednesdays, T - timedelta(days=2))
    assert book.of("new").weekday is None  # paid on T, not known two days before
    book = payer_book([make_history((7 * w, 100), due_ago=7 * w + 2, customer="new") for w in range(1, 9)], T)
    assert book.of("new").weekday == 2
    receipt = expect(make_invoice(), book)
    assert {day.weekday() for day in receipt.dates} == {2}
    assert days_of(receipt)[0] == 5  # from Friday in a week to the Wednesday before it


@pytest.mark.parametrize(
    ("overrides", "by", "days"),
    [
        ([make_override(), make_override(ExpectedBy.MANUAL, 10)], ExpectedBy.PROMISE, 5),
        ([make_override(ExpectedBy.EXCLUDED, None), make_override(ExpectedBy.MANUAL, 10)], ExpectedBy.MANUAL, 10),
        ([make_override(ExpectedBy.EXCLUDED, None)], ExpectedBy.EXCLUDED, None),
        ([make_override(days=5, made_on=T - timedelta(days=1)), make_override(days=6)], ExpectedBy.PROMISE, 6),
        ([make_override(days=-1, made_on=T - timedelta(days=9))], ExpectedBy.MODEL, 7),
        ([make_override(expires_on=T - timedelta(days=1))], ExpectedBy.MODEL, 7),
        ([make_override(expires_on=T)], ExpectedBy.PROMISE, 5),
        ([make_override(days=1)], ExpectedBy.PROMISE, 3),
    ],
    ids=["promise first", "manual before excluded", "excluded", "newest", "past", "expired", "last day", "rolled"],
)
def test_overrides(overrides: list[Override], by: ExpectedBy, days: int | None) -> None:
    for order in (overrides, overrides[::-1]):
        receipt = expect(make_invoice(), overrides=tuple(order))
        # 6 days on is a Thursday.
        assert (receipt.by, next(iter(days_of(receipt)), None)) == (by, days)


def test_an_override_has_a_date_or_excludes() -> None:
    for by, days in ((ExpectedBy.EXCLUDED, 5), (ExpectedBy.PROMISE, None), (ExpectedBy.MODEL, None)):
        with pytest.raises(ValueError, match=r"model|date"):
            make_override(by, days)


def test_the_spread_adds_up_and_only_a_recorded_chance_lowers_it() -> None:
    receipt = expect(make_invoice(amount="100.01"))
    assert [amount for _, amount in receipt.spread()] == [Decimal("20.00")] * 4 + [Decimal("20.01")]
    assert expect(make_invoice(), probabilities=(("1", Decimal("0.4")),)).amount == Decimal(40)


@given(st.integers(-60, 400), st.decimals(min_value="0.01", max_value=99999, places=2))
def test_every_date_is_a_banking_day_after_t_in_order_and_the_spread_is_the_amount(late: int, amount: Decimal) -> None:
    for book in (WEEKS_LATE, NO_HISTORY):
        receipt = expect(make_invoice(late=late, amount=str(amount)), book)
        assert list(receipt.dates) == sorted(receipt.dates)
        assert all(day > T and day.weekday() < 5 for day in receipt.dates)
        if receipt.dates:
            assert sum(part for _, part in receipt.spread()) == amount
            assert len(receipt.likely_days) == 50


def test_settled_invoices_are_left_out_and_the_order_of_input_does_not_matter() -> None:
    invoices = [make_invoice(external_id=str(i), late=i) for i in range(5)]
    model = Expectations(WEEKS_LATE)
    assert model.receipts([*invoices, make_invoice(amount=0, external_id="9")]) == model.receipts(invoices[::-1])


def test_a_missing_due_date_comes_from_the_terms() -> None:
    invoice = OpenDocument("1", "new", "New", date(2025, 10, 22), None, Decimal(1), terms_days=30)
    assert days_of(expect(invoice)) == days_of(expect(make_invoice()))
