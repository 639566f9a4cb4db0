"""Recording customers' payments and sending invoices against a simulated company."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domains.ar.actions import RECEIVE_PAYMENT, SEND_INVOICE, PaidInvoice, ReceivePayment, SendInvoice
from infra.actions.rail import AnswerKind
from infra.actions.spec import Adopt, EchoDiffers, Found, Go, Intent, NotThere, Refuse
from infra.qbo.simulator.books.store import Record
from tests.integration.domains.acting import MARK, Desk, acting
from tests.unit.infra.qbo.simulator.small_company import CHECKING, changed, invoice, payment, ref

ADDRESS: dict[str, Any] = {"BillEmail": {"Address": "amy@example.com"}}


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with acting(redis_url) as desk:
        yield desk


def owed(desk: Desk, amount: str = "100.00", **more: Any) -> Record:
    return desk.company.create("Invoice", invoice(amount, **more))


def receiving(desk: Desk, *lines: tuple[Record, str], **more: Any) -> Intent:
    fields: dict[str, Any] = {
        "customer": "1",
        "received_on": date(2026, 3, 2),
        "currency": "USD",
        "invoices": tuple(
            PaidInvoice(invoice=record.id, amount=Decimal(amount), total=Decimal(str(record.body["TotalAmt"])))
            for record, amount in lines
        ),
    }
    return desk.intent(RECEIVE_PAYMENT, ReceivePayment(**{**fields, **more}).as_meaning())


async def test_a_receipt_settles_its_invoices_and_is_found_by_its_mark(desk: Desk) -> None:
    first, second = owed(desk, "100.00"), owed(desk, "50.00")
    intent, received = await desk.carry_out(RECEIVE_PAYMENT, receiving(desk, (first, "100.00"), (second, "20.00")))
    assert (desk.balance(first), desk.balance(second), received["TotalAmt"]) == (0, 30, 120)
    assert (received["PaymentRefNum"], received["PrivateNote"], received["UnappliedAmt"]) == (MARK, MARK, 0)
    found = await RECEIVE_PAYMENT.find_mark(desk.rail, replace(intent, external_id=None))
    assert isinstance(found, Found)
    assert (found.payload["Id"], found.others) == (received["Id"], ())
    assert RECEIVE_PAYMENT.touched(intent, received) == {"Invoice": [first.id, second.id]}
    assert isinstance(await RECEIVE_PAYMENT.preflight(desk.rail, intent), Adopt)


async def test_a_receipt_goes_where_it_is_said_under_the_customers_number(desk: Desk) -> None:
    intent = receiving(desk, (owed(desk), "100.00"), deposit_to=CHECKING, reference="ACH 7781", note="by phone")
    intent, received = await desk.carry_out(RECEIVE_PAYMENT, intent)
    assert received["DepositToAccountRef"]["value"] == CHECKING
    assert (received["PaymentRefNum"], received["PrivateNote"]) == ("ACH 7781", f"by phone {MARK}")
    assert isinstance(await RECEIVE_PAYMENT.find_mark(desk.rail, replace(intent, external_id=None)), Found)


def _deleted(desk: Desk, record: Record) -> None:
    desk.company.delete("Invoice", record.body)


def _paid(desk: Desk, record: Record) -> None:
    desk.company.create("Payment", payment("100.00", [(record, "100.00")]) | {"PaymentRefNum": "ACH 1"})


def _partly_paid(desk: Desk, record: Record) -> None:
    desk.company.create("Payment", payment("60.00", [(record, "60.00")]))


def _raised(desk: Desk, record: Record) -> None:
    desk.company.update("Invoice", changed(record, Line=invoice("130.00")["Line"]))


def _moved(desk: Desk, record: Record) -> None:
    desk.company.update("Invoice", changed(record, CustomerRef=ref("2")))


def _voided(desk: Desk, record: Record) -> None:
    desk.company.void("Invoice", record.body)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_deleted, "gone", "no longer in QuickBooks"),
        (_paid, "already_paid", "payment ACH 1 of 100.00 USD on 2026-03-02"),
        (_partly_paid, "balance_lower", "Only 40.00 USD is still open"),
        (_raised, "total_changed", "130.00 USD"),
        (_moved, "customer_changed", "another customer"),
        (_voided, "voided", "was voided"),
    ],
)
async def test_nothing_is_recorded_on_an_invoice_that_changed(
    desk: Desk, change: Callable[[Desk, Record], None], code: str, words: str
) -> None:
    record = owed(desk)
    intent = receiving(desk, (record, "100.00"))
    change(desk, record)
    verdict = await RECEIVE_PAYMENT.preflight(desk.rail, intent)
    assert isinstance(verdict, Refuse)
    assert verdict.code == code
    assert words in verdict.words
    finding = await RECEIVE_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert finding.is_impossible is (code in {"gone", "already_paid", "balance_lower", "voided"})


async def test_a_deleted_or_voided_receipt_is_told_apart(desk: Desk) -> None:
    intent, received = await desk.carry_out(RECEIVE_PAYMENT, receiving(desk, (owed(desk), "100.00")))
    record = desk.company.void("Payment", received)
    finding = await RECEIVE_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, Found)
    with pytest.raises(EchoDiffers) as differs:
        RECEIVE_PAYMENT.check_echo(intent, finding.payload)
    assert differs.value.fields == ("voided",)
    desk.company.delete("Payment", record.body)
    finding = await RECEIVE_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert finding.seen["deleted"] == received["Id"]


async def test_an_echo_of_something_else_is_told(desk: Desk) -> None:
    intent, received = await desk.carry_out(RECEIVE_PAYMENT, receiving(desk, (owed(desk), "100.00")))
    other = {**received, "TotalAmt": 1, "CustomerRef": ref("2"), "Line": [], "PrivateNote": "", "PaymentRefNum": "1"}
    with pytest.raises(EchoDiffers) as differs:
        RECEIVE_PAYMENT.check_echo(replace(intent, external_id=None), other)
    assert differs.value.fields == ("amount", "customer", "lines", "mark")


def sending(desk: Desk, record: Record, *, send_to: str | None = None, customer: str = "1") -> Intent:
    balance = Decimal(str(record.body["Balance"]))
    meant = SendInvoice(invoice=record.id, customer=customer, balance=balance, currency="USD", send_to=send_to)
    return desk.intent(SEND_INVOICE, meant.as_meaning())


async def test_an_invoice_is_sent_to_its_address(desk: Desk) -> None:
    record = owed(desk, **ADDRESS)
    intent, sent = await desk.carry_out(SEND_INVOICE, sending(desk, record))
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "amy@example.com")
    assert SEND_INVOICE.touched(intent, sent) == {}
    assert isinstance(await SEND_INVOICE.find_mark(desk.rail, intent), Found)


async def test_an_invoice_is_sent_where_it_is_said(desk: Desk) -> None:
    record = owed(desk)
    _, sent = await desk.carry_out(SEND_INVOICE, sending(desk, record, send_to="books@birds.example"))
    assert sent["BillEmail"]["Address"] == "books@birds.example"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_paid, "paid", "has been paid meanwhile, so nothing was sent"),
        (_deleted, "gone", "no longer in QuickBooks"),
        (_voided, "voided", "was voided"),
        (_moved, "customer_changed", "another customer"),
    ],
)
async def test_nobody_who_has_paid_is_chased(
    desk: Desk, change: Callable[[Desk, Record], None], code: str, words: str
) -> None:
    record = owed(desk, **ADDRESS)
    intent = sending(desk, record)
    change(desk, record)
    verdict = await SEND_INVOICE.preflight(desk.rail, intent)
    assert isinstance(verdict, Refuse)
    assert verdict.code == code
    assert words in verdict.words


async def test_a_part_paid_is_no_reason_not_to_ask_for_the_rest(desk: Desk) -> None:
    record = owed(desk, **ADDRESS)
    intent = sending(desk, record)
    _partly_paid(desk, record)
    assert isinstance(await SEND_INVOICE.preflight(desk.rail, intent), Go)


async def test_an_invoice_without_an_address_is_not_sent(desk: Desk) -> None:
    verdict = await SEND_INVOICE.preflight(desk.rail, sending(desk, owed(desk)))
    assert isinstance(verdict, Refuse)
    assert (verdict.code, "no e-mail address" in verdict.words) == ("no_address", True)


@pytest.mark.parametrize("executed", [False, True])
async def test_a_mail_whose_answer_was_lost_is_found_by_its_time(desk: Desk, *, executed: bool) -> None:
    record = owed(desk, **ADDRESS)
    await desk.carry_out(SEND_INVOICE, sending(desk, record))
    await desk.teller.rig.advance(60)
    intent = sending(desk, record)
    go = await SEND_INVOICE.preflight(desk.rail, intent)
    assert isinstance(go, Go)
    await desk.teller.rig.trouble({"do": "reset", "executed": executed}, verb="send", count=1)
    intent, answer = await desk.send(SEND_INVOICE, intent, go=go)
    assert answer.kind is AnswerKind.DOUBTFUL
    finding = await SEND_INVOICE.find_mark(desk.rail, intent)
    if executed:
        assert isinstance(finding, Found)
        assert SEND_INVOICE.check_echo(intent, finding.payload) == record.id
        return
    assert isinstance(finding, NotThere)
    assert (finding.is_unmoved, finding.is_impossible) == (True, False)
    _paid(desk, record)
    finding = await SEND_INVOICE.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert (finding.is_unmoved, finding.is_impossible) == (False, False)


async def test_an_echo_that_was_not_sent_there_is_told(desk: Desk) -> None:
    record = owed(desk, **ADDRESS)
    intent = sending(desk, record, send_to="books@birds.example")
    with pytest.raises(EchoDiffers) as differs:
        SEND_INVOICE.check_echo(intent, record.body)
    assert differs.value.fields == ("sent", "address")
