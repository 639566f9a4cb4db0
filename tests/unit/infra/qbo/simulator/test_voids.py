"""What is left of a voided document, and what it gives back."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    MovableClock,
    bill,
    bill_payment,
    changed,
    invoice,
    payment,
    ref,
)


def key(record: Record) -> dict[str, Any]:
    return {"Id": record.id, "SyncToken": record.body["SyncToken"], "sparse": True}


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(ServiceFault) as caught:
        action()
    return caught.value.code


def test_a_voided_bill_payment_reopens_its_bill(company: Company, clock: MovableClock) -> None:
    owed = company.create("Bill", bill("100.00"))
    paid = company.create("BillPayment", bill_payment("60.00", [(owed, "60.00")]) | {"DocNumber": "11"})
    clock.advance(hours=1)
    company.void("BillPayment", key(paid))
    body = paid.body
    assert (body["TotalAmt"], body["Line"], body["PrivateNote"], body["DocNumber"]) == (0, [], "Voided", "11")
    assert (body["SyncToken"], body["CheckPayment"]["PrintStatus"]) == ("1", "NotSet")
    assert (owed.body["Balance"], owed.body["SyncToken"], "LinkedTxn" in owed.body) == (Decimal(100), "2", False)
    assert company.get("Account", CHECKING).body["CurrentBalance"] == 0


def test_a_voided_payment_reopens_its_invoice_and_keeps_its_note(company: Company) -> None:
    owed = company.create("Invoice", invoice("100.00"))
    paid = company.create("Payment", payment("120.00", [(owed, "100.00")]) | {"PrivateNote": "by wire"})
    company.void("Payment", key(paid))
    assert (paid.body["TotalAmt"], paid.body["UnappliedAmt"], paid.body["Line"]) == (0, 0, [])
    assert paid.body["PrivateNote"] == "Voided - by wire"
    assert owed.body["Balance"] == Decimal(100)
    assert company.get("Customer", "1").body["Balance"] == Decimal(100)


def test_a_voided_invoice_keeps_its_number_and_frees_its_payment(company: Company) -> None:
    owed = company.create("Invoice", invoice("100.00"))
    paid = company.create("Payment", payment("100.00", [(owed, "100.00")]))
    company.void("Invoice", key(owed))
    body = owed.body
    assert (body["TotalAmt"], body["Balance"], body["DocNumber"]) == (0, 0, "1001")
    assert [line["Amount"] for line in body["Line"]] == [0, 0]
    assert (paid.body["Line"], paid.body["UnappliedAmt"], paid.body["SyncToken"]) == ([], Decimal(100), "1")
    assert company.get("Customer", "1").body["Balance"] == Decimal(-100)


def test_a_paid_invoice_may_be_kept_from_being_voided(company: Company) -> None:
    company.behaviour = Behaviour(void_paid_invoice="refuse")
    owed = company.create("Invoice", invoice("100.00"))
    company.create("Payment", payment("100.00", [(owed, "100.00")]))
    assert refused(lambda: company.void("Invoice", key(owed))) == "6000"


def test_a_voided_receipt_gives_its_money_back(company: Company) -> None:
    receipt = {**invoice("40.00"), "DepositToAccountRef": ref(CHECKING)}
    sold = company.create("SalesReceipt", receipt)
    company.void("SalesReceipt", key(sold))
    assert (sold.body["TotalAmt"], company.ledger.trial_balance()) == (0, {})


def test_what_was_deposited_cannot_be_voided(company: Company) -> None:
    paid = company.create("Payment", payment("100.00", []))
    line = {"Amount": "100.00", "LinkedTxn": [{"TxnId": paid.id, "TxnType": "Payment"}]}
    company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line]})
    assert refused(lambda: company.void("Payment", key(paid))) == "6540"
    assert paid.body["TotalAmt"] == Decimal(100)


def test_a_void_needs_the_token_and_open_books(company: Company) -> None:
    paid = company.create("Payment", payment("5.00", []) | {"TxnDate": "2025-12-31"})
    assert refused(lambda: company.void("Payment", {"Id": paid.id, "SyncToken": "7"})) == "5010"
    settings = company.get("Preferences", "1")
    closed = {"AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"}}
    company.update("Preferences", changed(settings, **closed), sparse=True)
    assert refused(lambda: company.void("Payment", key(paid))) == "6210"


def test_bills_are_voided_by_a_switch_alone(company: Company) -> None:
    owed = company.create("Bill", bill("10.00"))
    assert refused(lambda: company.void("Bill", key(owed))) == "500"
    company.behaviour = Behaviour(void_everything=True)
    company.void("Bill", key(owed))
    assert (owed.body["TotalAmt"], owed.body["Balance"], company.ledger.trial_balance()) == (0, 0, {})
