from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domains.core.past_documents import AppliedLine, DatedDocument, PastSide
from runway.calculators.ageing import Application
from runway.calculators.past_books import PastLedger, accounts_on
from runway.calculators.to_come import Settled
from tests.unit.runway.calculators.making import make_account, make_movement

DAY = date(2026, 3, 2)


def document(identifier: str, total: Any, *, ago: int, **more: Any) -> DatedDocument:
    fields: dict[str, Any] = {"party_external_id": "c", "party_name": "Acme", "due_on": None} | more
    return DatedDocument(external_id=identifier, total=Decimal(total), dated_on=DAY - timedelta(days=ago), **fields)


def ledger(
    documents: Sequence[DatedDocument] = (),
    *,
    credits_: Sequence[DatedDocument] = (),
    payments: Sequence[DatedDocument] = (),
    applied: Sequence[tuple[str, str, str, Any]] = (),
) -> PastLedger:
    held = [{one.external_id: one for one in many} for many in (documents, credits_, payments)]
    lines = tuple(AppliedLine(payment, kind, target, Decimal(amount)) for payment, kind, target, amount in applied)
    return PastLedger(PastSide("Invoice", "CreditMemo", held[0], held[1], held[2], lines))


def standing(made: PastLedger, *, ago: int) -> tuple[dict[str, int], dict[str, int]]:
    on = made.on(DAY - timedelta(days=ago))
    opened = {one.external_id: int(one.open_amount) for one in on.open}
    return opened, {one.external_id: int(one.amount) for one in on.unapplied}


def test_a_part_payment_counts_from_its_day() -> None:
    made = ledger(
        [document("i", 100, ago=10)], payments=[document("p", 40, ago=5)], applied=[("p", "Invoice", "i", 40)]
    )
    assert [standing(made, ago=ago)[0] for ago in (11, 10, 6, 5, 0)] == [
        {},
        {"i": 100},
        {"i": 100},
        {"i": 60},
        {"i": 60},
    ]
    assert standing(made, ago=5)[1] == {}


def test_a_payment_ahead_of_its_invoice_waits_until_that_is_dated() -> None:
    made = ledger([document("i", 40, ago=2)], payments=[document("p", 40, ago=5)], applied=[("p", "Invoice", "i", 40)])
    assert [standing(made, ago=ago) for ago in (5, 3, 2)] == [({}, {"p": 40}), ({}, {"p": 40}), ({}, {})]


def test_a_credit_is_used_by_the_payment_that_applies_it() -> None:
    """An invoice of 100 is settled by a memo of 30 and money of 70; of the money 5 more are left."""
    made = ledger(
        [document("i", 100, ago=10)],
        credits_=[document("m", 30, ago=8)],
        payments=[document("p", 75, ago=5)],
        applied=[("p", "Invoice", "i", 100), ("p", "CreditMemo", "m", 30)],
    )
    assert standing(made, ago=6) == ({"i": 100}, {"m": 30})
    assert standing(made, ago=5) == ({}, {"p": 5})
    assert made.settled(DAY) == [Settled(DAY - timedelta(days=5), DAY - timedelta(days=10), Decimal(75), "Acme", "i")]


def test_what_a_payment_gives_to_no_document_of_ours_is_gone_from_it() -> None:
    made = ledger(payments=[document("p", 50, ago=5)], applied=[("p", "JournalEntry", "j", 20)])
    assert standing(made, ago=5) == ({}, {"p": 30})


def test_histories_know_nothing_of_later_payments() -> None:
    made = ledger(
        [document("i", 100, ago=60, due_on=DAY - timedelta(days=30)), document("never paid", 5, ago=60)],
        payments=[document("p", 40, ago=25), document("q", 60, ago=10)],
        applied=[("p", "Invoice", "i", 40), ("q", "Invoice", "i", 60)],
    )
    first = Application(DAY - timedelta(days=25), Decimal(40))
    assert [one.applied for one in made.histories(DAY - timedelta(days=11))] == [(first,)]
    assert [len(one.applied) for one in made.histories(DAY)] == [2]
    assert made.histories(DAY)[0].due_on == DAY - timedelta(days=30)
    assert made.histories(DAY - timedelta(days=26)) == made.histories(DAY + timedelta(days=800)) == []


def test_money_that_settled_is_of_the_last_quarter_and_left_a_bank() -> None:
    made = ledger(
        [document("i", 100, ago=200)],
        payments=[
            document("old", 10, ago=91),
            document("by card", 20, ago=9, is_cash=False),
            document("p", 30, ago=90),
        ],
        applied=[("old", "Invoice", "i", 10), ("by card", "Invoice", "i", 20), ("p", "Invoice", "i", 30)],
    )
    assert [one.amount for one in made.settled(DAY)] == [Decimal(30)]


def test_other_currencies_are_converted_at_the_document_s_own_rate() -> None:
    made = ledger(
        [document("i", 100, ago=9, exchange_rate=Decimal("1.5"))],
        payments=[document("p", 40, ago=5, exchange_rate=Decimal(2))],
        applied=[("p", "Invoice", "i", 40)],
    )
    assert standing(made, ago=0)[0] == {"i": 90}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), max_size=8), st.integers(0, 30))
def test_what_is_open_less_what_is_not_applied_is_all_that_was_posted(parts: list[tuple[int, int]], ago: int) -> None:
    """As the control account has it, whatever is applied to what on which day."""
    bills = [document("i", 200, ago=15), document("k", 100, ago=4)]
    payments = [document(f"p{n}", amount, ago=when) for n, (when, amount) in enumerate(parts)]
    applied = [(f"p{n}", "Invoice", "ik"[n % 2], amount // 2) for n, (_, amount) in enumerate(parts) if amount > 1]
    opened, left = standing(ledger(bills, payments=payments, applied=applied), ago=ago)
    posted = sum(int(one.total) for one in bills if one.dated_on <= DAY - timedelta(days=ago))
    posted -= sum(int(one.total) for one in payments if one.dated_on <= DAY - timedelta(days=ago))
    assert sum(opened.values()) - sum(left.values()) == posted


def test_balances_are_today_s_less_what_is_dated_later() -> None:
    accounts = [
        make_account("checking", balance=Decimal(100)),
        make_account("undeposited", "Other Current Asset", "UndepositedFunds", balance=Decimal(7)),
        make_account("tax", "Other Current Liability", "SalesTaxPayable", balance=Decimal(-50)),
        make_account("euro", currency="EUR", balance=Decimal(9)),
    ]
    banked = make_movement(30, 2, counter_account_id=None, is_trade=True)
    moved = [banked, make_movement(-5, 2), make_movement(1000, 3)]
    made = accounts_on(banked.on - timedelta(days=1), accounts, movements=moved, currency="USD")
    assert [int(one.balance) for one in made] == [75, 37, 0, 0]
