"""What an action means: what makes no sense is refused where it enters, and equal meanings are equal bytes."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domains.ap.actions import PAY_BILLS, VOID_PAYMENT, AppliedCredit, PaidBill, PayBills, VoidPayment
from domains.ap.models import PayType
from domains.ar.actions import RECEIVE_PAYMENT, SEND_INVOICE, PaidInvoice, ReceivePayment
from domains.core.meant import SenselessMeaning
from infra import exact_json
from infra.actions.spec import Target

SAMPLES = Path(__file__).parents[4] / "shared" / "qbo" / "samples"
MARK = "LP-ABCDEFGH23456789"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the samples beside the repository (../shared/qbo/samples) are missing"
)

PAYING: Mapping[str, Any] = {
    "vendor": "56",
    "account": "35",
    "pay_type": "check",
    "paid_on": "2026-03-02",
    "bills": [{"bill": "234", "amount": 200}],
}
RECEIVING: Mapping[str, Any] = {
    "customer": "20",
    "received_on": "2026-03-02",
    "invoices": [{"invoice": "70", "amount": 25}],
}
VOIDING: Mapping[str, Any] = {"payment": "104", "total": 10}
SENDING: Mapping[str, Any] = {"invoice": "1", "customer": "1", "balance": 50}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = exact_json.loads((SAMPLES / f"{name}.json").read_bytes())
    return found


@needs_samples
def test_a_payment_of_a_bill_says_what_the_reference_says() -> None:
    theirs, ours = sample("billpayment_create_request"), built(PAY_BILLS, {**PAYING, "note": "Acct. 1JK90"})
    assert ours["PrivateNote"].startswith(theirs.pop("PrivateNote"))
    theirs["VendorRef"].pop("name")
    theirs["CheckPayment"]["BankAccountRef"].pop("name")
    ours["CheckPayment"].pop("PrintStatus")
    assert {name: ours[name] for name in theirs} == theirs
    assert set(ours) - set(theirs) == {"TxnDate", "DocNumber", "PrivateNote"}


@needs_samples
def test_a_card_payment_has_the_parts_of_the_captured_one() -> None:
    theirs = sample("billpayment_creditcard")["BillPayment"]
    meaning = {**PAYING, "pay_type": "credit_card", "account": "41", "vendor": "48", "currency": "USD"}
    ours = built(PAY_BILLS, {**meaning, "bills": [{"bill": "78", "amount": Decimal("86.44")}], "check_number": "1"})
    assert set(ours) <= set(theirs)
    assert ours["CreditCardPayment"]["CCAccountRef"]["value"] == theirs["CreditCardPayment"]["CCAccountRef"]["value"]
    same = ("TotalAmt", "PayType", "Line", "DocNumber")
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}


@needs_samples
def test_a_receipt_has_what_the_reference_asks_and_lines_as_captured() -> None:
    ours, asked = built(RECEIVE_PAYMENT, RECEIVING), sample("payment_create_request")
    assert {name: ours[name] for name in asked} == asked
    theirs = sample("payment_partially_applied")["Payment"]["Line"][0]
    assert set(ours["Line"][0]) <= set(theirs)
    assert set(ours["Line"][0]["LinkedTxn"][0]) == set(theirs["LinkedTxn"][0])
    assert ours["Line"][0]["LinkedTxn"] == [{"TxnId": "70", "TxnType": "Invoice"}]


@needs_samples
def test_a_void_is_asked_for_as_the_reference_does() -> None:
    assert set(sample("billpayment_void_request")) == {"Id", "SyncToken", "sparse"}
    assert VOID_PAYMENT.options(VOIDING) == {"operation": "update", "include": "void"}


def built(spec: Any, meaning: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = exact_json.loads(exact_json.dumps(spec.build_body(meaning, MARK)))
    return body


def test_the_body_of_a_payment_with_all_there_is() -> None:
    meaning = PayBills(
        vendor="56",
        account="41",
        pay_type=PayType.CREDIT_CARD,
        paid_on=date(2026, 3, 2),
        currency="EUR",
        bills=(
            PaidBill(bill="1", amount=Decimal("100.00"), total=Decimal("120.00")),
            PaidBill(bill="2", amount=Decimal(5)),
        ),
        credits=(AppliedCredit(credit="9", amount=Decimal("4.50")),),
        note="March",
    ).as_meaning()
    assert exact_json.dumps(PAY_BILLS.build_body and PAY_BILLS.build_body(meaning, MARK)) == (
        b'{"CreditCardPayment":{"CCAccountRef":{"value":"41"}},"CurrencyRef":{"value":"EUR"},"DocNumber":"LP-ABCDEFGH23456789",'
        b'"Line":[{"Amount":100,"LinkedTxn":[{"TxnId":"1","TxnType":"Bill"}]},{"Amount":5,"LinkedTxn":[{"TxnId":"2","TxnType":"Bill"}]},'
        b'{"Amount":4.5,"LinkedTxn":[{"TxnId":"9","TxnType":"VendorCredit"}]}],"PayType":"CreditCard",'
        b'"PrivateNote":"March LP-ABCDEFGH23456789","TotalAmt":100.5,"TxnDate":"2026-03-02","VendorRef":{"value":"56"}}'
    )
    assert PAY_BILLS.targets(meaning) == [
        Target("Bill", "1", Decimal(100)),
        Target("Bill", "2", Decimal(5)),
        Target("VendorCredit", "9", Decimal("4.5")),
    ]
    assert PAY_BILLS.alike is not None
    assert PAY_BILLS.alike(meaning) == {"vendor": "56", "amount": Decimal("100.5"), "currency": "EUR"}


@pytest.mark.parametrize("amount", ["100", "100.0", "100.00000", "1E+2"])
def test_one_amount_has_one_form(amount: str) -> None:
    lines = (PaidInvoice(invoice="1", amount=Decimal(amount)),)
    meaning = ReceivePayment(customer="1", received_on=date(2026, 3, 2), invoices=lines).as_meaning()
    assert exact_json.dumps(meaning) == (
        b'{"customer":"1","invoices":[{"amount":100,"invoice":"1"}],"note":"","received_on":"2026-03-02"}'
    )
    assert ReceivePayment.of(meaning).as_meaning() == meaning


@pytest.mark.parametrize(
    ("spec", "meaning", "change", "problem"),
    [
        (PAY_BILLS, PAYING, {"bills": []}, "bills"),
        (PAY_BILLS, PAYING, {"bills": [{"bill": "1", "amount": 0}]}, "bills.0.amount"),
        (PAY_BILLS, PAYING, {"bills": [{"bill": "1", "amount": -1}]}, "bills.0.amount"),
        (PAY_BILLS, PAYING, {"bills": [{"bill": "1", "amount": 1}, {"bill": "1", "amount": 2}]}, "listed twice"),
        (PAY_BILLS, PAYING, {"credits": [{"credit": "1", "amount": 201}]}, "more than the bills"),
        (PAY_BILLS, PAYING, {"check_number": "1" * 22}, "check_number"),
        (PAY_BILLS, PAYING, {"pay_type": "barter"}, "pay_type"),
        (PAY_BILLS, PAYING, {"currency": "dollars"}, "currency"),
        (PAY_BILLS, PAYING, {"vendor": "5'6"}, "vendor"),
        (PAY_BILLS, PAYING, {"colour": "green"}, "colour"),
        (PAY_BILLS, PAYING, {"note": "x" * 4000}, "note"),
        (VOID_PAYMENT, VOIDING, {"total": -1}, "total"),
        (VOID_PAYMENT, VOIDING, {"payment": ""}, "payment"),
        (RECEIVE_PAYMENT, RECEIVING, {"invoices": []}, "invoices"),
        (RECEIVE_PAYMENT, RECEIVING, {"invoices": [{"invoice": "1", "amount": "much"}]}, "invoices.0.amount"),
        (RECEIVE_PAYMENT, RECEIVING, {"invoices": [{"invoice": "1", "amount": 1}] * 2}, "listed twice"),
        (RECEIVE_PAYMENT, RECEIVING, {"reference": "1" * 22}, "reference"),
        (SEND_INVOICE, SENDING, {"balance": 0}, "balance"),
        (SEND_INVOICE, SENDING, {"send_to": "nobody"}, "send_to"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_not_repeated(
    spec: Any, meaning: Mapping[str, Any], change: dict[str, Any], problem: str
) -> None:
    assert spec.targets(meaning)
    with pytest.raises(SenselessMeaning, match=problem) as refused:
        spec.targets({**meaning, **change})
    assert "nobody" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_void_of_a_payment_that_moved_no_cash_has_a_positive_amount_all_the_same() -> None:
    meaning = VoidPayment(payment="7", total=Decimal(0)).as_meaning()
    assert VOID_PAYMENT.targets(meaning) == [Target("BillPayment", "7", Decimal("0.01"))]


def test_a_mail_has_the_invoices_own_address() -> None:
    assert SEND_INVOICE.subpath(SENDING) == "/1/send"
    assert SEND_INVOICE.options({**SENDING, "send_to": "a@b.example"}) == {"sendTo": "a@b.example"}
    assert SEND_INVOICE.options(SENDING) == {}
    assert [target.kind for target in SEND_INVOICE.targets(SENDING)] == ["InvoiceMail"]
