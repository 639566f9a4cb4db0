"""Paying bills and voiding payments against a simulated company: what is recorded, what is refused, what is found again."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.actions import PAY_BILLS, VOID_PAYMENT, AppliedCredit, PaidBill, PayBills, VoidPayment
from domains.ap.models import PayType
from infra.actions.rail import AnswerKind
from infra.actions.spec import Adopt, EchoDiffers, Found, Go, Intent, NotThere, Refuse
from infra.errors import RailNeedsReconnect, RailRejected, RailUnavailable
from infra.qbo.simulator.books.store import Record
from tests.integration.domains.acting import MARK, Desk, acting
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    REALM,
    VISA,
    bill,
    bill_payment,
    changed,
    ref,
)


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with acting(redis_url) as desk:
        yield desk


def owe(desk: Desk, amount: str = "100.00", **more: Any) -> Record:
    return desk.company.create("Bill", bill(amount, **more))


def credit(desk: Desk, amount: str) -> Record:
    return desk.company.create("VendorCredit", bill(amount))


def paying(*lines: tuple[Record, str], **more: Any) -> PayBills:
    fields: dict[str, Any] = {
        "vendor": "56",
        "account": CHECKING,
        "pay_type": PayType.CHECK,
        "paid_on": date(2026, 3, 2),
        "currency": "USD",
        "bills": tuple(
            PaidBill(bill=record.id, amount=Decimal(amount), total=Decimal(str(record.body["TotalAmt"])))
            for record, amount in lines
        ),
    }
    return PayBills(**{**fields, **more})


def intended(desk: Desk, *lines: tuple[Record, str], **more: Any) -> Intent:
    return desk.intent(PAY_BILLS, paying(*lines, **more).as_meaning())


async def test_a_bill_is_paid_and_found_by_its_mark(desk: Desk) -> None:
    owed = owe(desk)
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owed, "100.00"), note="March rent"))
    assert (desk.balance(owed), payment["TotalAmt"], payment["PayType"]) == (0, 100, "Check")
    assert (payment["DocNumber"], payment["PrivateNote"], payment["TxnDate"]) == (
        MARK,
        f"March rent {MARK}",
        "2026-03-02",
    )
    assert payment["CheckPayment"]["PrintStatus"] == "NotSet"
    found = await PAY_BILLS.find_mark(desk.rail, replace(intent, external_id=None))
    assert isinstance(found, Found)
    assert (found.payload["Id"], found.others) == (payment["Id"], ())
    assert PAY_BILLS.touched(intent, payment) == {"Bill": [owed.id]}


async def test_what_is_there_already_is_adopted_before_anything_is_sent(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    verdict = await PAY_BILLS.preflight(desk.rail, intent)
    assert isinstance(verdict, Adopt)
    assert PAY_BILLS.check_echo(intent, verdict.payload) == payment["Id"]


async def test_a_part_of_a_bill_is_paid_and_then_the_rest(desk: Desk) -> None:
    owed = owe(desk)
    await desk.carry_out(PAY_BILLS, intended(desk, (owed, "30.00")))
    assert desk.balance(owed) == 70
    rest = desk.intent(PAY_BILLS, paying((owed, "70.00")).as_meaning(), mark="LP-2222222222222222")
    await desk.carry_out(PAY_BILLS, rest)
    assert desk.balance(owed) == 0


async def test_bills_and_credits_of_one_vendor_are_one_payment_of_the_difference(desk: Desk) -> None:
    first, second, used = owe(desk, "100.00"), owe(desk, "50.25"), credit(desk, "40.00")
    applied = (AppliedCredit(credit=used.id, amount=Decimal("30.00")),)
    intent = intended(desk, (first, "100.00"), (second, "50.25"), credits=applied)
    _, payment = await desk.carry_out(PAY_BILLS, intent)
    assert payment["TotalAmt"] == Decimal("120.25")
    assert [desk.balance(record) for record in (first, second, used)] == [0, 0, 10]
    assert PAY_BILLS.touched(intent, payment)["VendorCredit"] == [used.id]


async def test_credits_may_pay_all_of_it(desk: Desk) -> None:
    owed, used = owe(desk, "40.00"), credit(desk, "40.00")
    applied = (AppliedCredit(credit=used.id, amount=Decimal("40.00")),)
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owed, "40.00"), credits=applied))
    assert (payment["TotalAmt"], desk.balance(owed), desk.balance(used)) == (0, 0, 0)
    found = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(found, Found)
    assert PAY_BILLS.check_echo(intent, found.payload) == payment["Id"]


async def test_a_card_pays(desk: Desk) -> None:
    intent = intended(desk, (owe(desk), "100.00"), account=VISA, pay_type=PayType.CREDIT_CARD)
    _, payment = await desk.carry_out(PAY_BILLS, intent)
    assert payment["CreditCardPayment"]["CCAccountRef"]["value"] == VISA
    verdict = await PAY_BILLS.preflight(desk.rail, intent)
    assert isinstance(verdict, Adopt)


async def test_a_real_cheque_number_stands_and_the_mark_is_in_the_memo(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00"), check_number="1042"))
    assert (payment["DocNumber"], payment["PrivateNote"]) == ("1042", MARK)
    assert isinstance(await PAY_BILLS.find_mark(desk.rail, replace(intent, external_id=None)), Found)


async def test_a_payment_taken_off_its_bill_and_renumbered_is_still_found(desk: Desk) -> None:
    owed = owe(desk)
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owed, "100.00")))
    record = desk.company.stores["BillPayment"].records[payment["Id"]]
    desk.company.update("BillPayment", changed(record, DocNumber="77", Line=[], PrivateNote=f"see {MARK}, J."))
    found = await PAY_BILLS.find_mark(desk.rail, replace(intent, external_id=None))
    assert isinstance(found, Found)
    with pytest.raises(EchoDiffers) as differs:
        PAY_BILLS.check_echo(intent, found.payload)
    assert differs.value.fields == ("lines",)


async def test_two_under_one_mark_are_both_told(desk: Desk) -> None:
    intent = intended(desk, (owe(desk), "50.00"))
    await desk.teller.rig.trouble({"do": "twice"}, verb="create", count=1)
    await desk.carry_out(PAY_BILLS, intent)
    found = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(found, Found)
    assert len({found.payload["Id"], *found.others}) == 2
    first, second = sorted([found.payload["Id"], *found.others], key=int)
    desk.company.void("BillPayment", desk.company.stores["BillPayment"].records[first].body)
    found = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(found, Found)
    assert (found.payload["Id"], found.others) == (second, ())


async def test_a_payment_that_queries_do_not_show_yet_is_found_by_its_bill(desk: Desk) -> None:
    desk.teller.rig.simulator.behaviour = desk.teller.rig.simulator.behaviour.changed({"query_lag_seconds": "60"})
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    assert await desk.rail.find("BillPayment") == []
    found = await PAY_BILLS.find_mark(desk.rail, replace(intent, external_id=None))
    assert isinstance(found, Found)
    assert found.payload["Id"] == payment["Id"]


async def test_an_old_payment_taken_off_its_bill_is_found_by_its_number(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    record = desk.company.stores["BillPayment"].records[payment["Id"]]
    desk.company.update("BillPayment", changed(record, Line=[], PrivateNote=""))
    late = replace(intent, external_id=None, created_at=intent.created_at + timedelta(days=9))
    assert isinstance(await PAY_BILLS.find_mark(desk.rail, late), Found)


async def test_nothing_is_found_of_what_was_never_sent(desk: Desk) -> None:
    intent = intended(desk, (owe(desk), "100.00"))
    finding = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert not finding.is_impossible
    assert finding.seen["bills"][0]["balance"] == 100


async def test_a_deleted_payment_is_told_and_can_be_made_again(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    desk.company.delete("BillPayment", payment)
    finding = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert (finding.seen["deleted"], finding.is_impossible) == (payment["Id"], False)


async def test_a_voided_payment_is_found_and_known_for_voided(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    desk.company.void("BillPayment", payment)
    finding = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(finding, Found)
    with pytest.raises(EchoDiffers) as differs:
        PAY_BILLS.check_echo(intent, finding.payload)
    assert differs.value.fields == ("voided",)


async def test_a_bill_that_somebody_else_has_paid_makes_ours_impossible(desk: Desk) -> None:
    owed = owe(desk)
    intent = intended(desk, (owed, "100.00"))
    desk.company.create("BillPayment", bill_payment("60.00", [(owed, "60.00")]))
    finding = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert finding.is_impossible


def _deleted(desk: Desk, owed: Record) -> None:
    desk.company.delete("Bill", owed.body)


def _paid(desk: Desk, owed: Record) -> None:
    desk.company.create("BillPayment", bill_payment("100.00", [(owed, "100.00")]) | {"DocNumber": "88"})


def _partly_paid(desk: Desk, owed: Record) -> None:
    desk.company.create("BillPayment", bill_payment("60.00", [(owed, "60.00")]))


def _raised(desk: Desk, owed: Record) -> None:
    desk.company.update("Bill", changed(owed, Line=bill("130.00")["Line"]))


def _moved(desk: Desk, owed: Record) -> None:
    desk.company.update("Bill", changed(owed, VendorRef=ref("57")))


def _voided(desk: Desk, owed: Record) -> None:
    desk.teller.rig.simulator.behaviour = desk.teller.rig.simulator.behaviour.changed({"void_everything": "true"})
    desk.company.void("Bill", owed.body)


def _vendor_gone(desk: Desk, _owed: Record) -> None:
    vendor = desk.company.stores["Vendor"].records["56"]
    desk.company.update("Vendor", changed(vendor, Active=False))


def _in_euro(_desk: Desk, owed: Record) -> None:
    owed.own()["CurrencyRef"] = ref("EUR")
    owed.forget_encoding()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_deleted, "gone", "no longer in QuickBooks"),
        (_paid, "already_paid", "payment 88 of 100.00 USD on 2026-03-02"),
        (_partly_paid, "balance_lower", "Only 40.00 USD is still open"),
        (_raised, "total_changed", "is 130.00 USD in QuickBooks now and was 100.00 USD"),
        (_moved, "vendor_changed", "another vendor"),
        (_voided, "voided", "was voided"),
        (_vendor_gone, "vendor_inactive", "inactive"),
        (_in_euro, "currency_changed", "EUR"),
    ],
)
async def test_a_bill_that_changed_is_not_paid(
    desk: Desk, change: Callable[[Desk, Record], None], code: str, words: str
) -> None:
    owed = owe(desk, DocNumber="HS-118")
    intent = intended(desk, (owed, "100.00"))
    change(desk, owed)
    verdict = await PAY_BILLS.preflight(desk.rail, intent)
    assert isinstance(verdict, Refuse)
    assert verdict.code == code
    assert words in verdict.words
    assert "HS-118" in verdict.words or code == "gone"
    assert desk.teller.writes() == []


async def test_a_change_that_does_not_touch_the_decision_is_no_reason(desk: Desk) -> None:
    owed = owe(desk)
    intent = intended(desk, (owed, "100.00"))
    desk.company.update("Bill", changed(owed, PrivateNote="called them", DueDate="2026-06-01"))
    verdict = await PAY_BILLS.preflight(desk.rail, intent)
    assert isinstance(verdict, Go)
    assert verdict.seen["bills"] == [{"id": owed.id, "version": "1", "total": 100, "balance": 100}]


async def test_a_credit_that_is_gone_or_smaller_is_not_applied(desk: Desk) -> None:
    owed, gone, smaller = owe(desk), credit(desk, "40.00"), credit(desk, "40.00")
    intents = [
        intended(desk, (owed, "100.00"), credits=(AppliedCredit(credit=one.id, amount=Decimal("40.00")),))
        for one in (gone, smaller)
    ]
    desk.company.delete("VendorCredit", gone.body)
    desk.company.update("VendorCredit", changed(smaller, Line=bill("10.00")["Line"]))
    verdicts = [await PAY_BILLS.preflight(desk.rail, intent) for intent in intents]
    assert [verdict.code for verdict in verdicts if isinstance(verdict, Refuse)] == [
        "credit_gone",
        "credit_balance_lower",
    ]


async def test_a_credit_that_is_used_up_is_not_applied(desk: Desk) -> None:
    owed, used, other = owe(desk), credit(desk, "40.00"), owe(desk, "40.00")
    intent = intended(desk, (owed, "100.00"), credits=(AppliedCredit(credit=used.id, amount=Decimal("40.00")),))
    lines = [
        {"Amount": "40.00", "LinkedTxn": [{"TxnId": other.id, "TxnType": "Bill"}]},
        {"Amount": "40.00", "LinkedTxn": [{"TxnId": used.id, "TxnType": "VendorCredit"}]},
    ]
    desk.company.create("BillPayment", {**bill_payment("0", []), "Line": lines})
    verdict = await PAY_BILLS.preflight(desk.rail, intent)
    assert isinstance(verdict, Refuse)
    assert (verdict.code, verdict.words.startswith("Vendor credit")) == ("credit_already_paid", True)


async def test_a_lost_answer_is_found_and_the_same_request_again_changes_nothing(desk: Desk) -> None:
    owed = owe(desk)
    intent = intended(desk, (owed, "100.00"))
    await desk.teller.rig.trouble({"do": "reset", "executed": True}, verb="create", count=1)
    _, answer = await desk.send(PAY_BILLS, intent)
    assert answer.kind is AnswerKind.DOUBTFUL
    assert isinstance(await PAY_BILLS.find_mark(desk.rail, intent), Found)
    _, again = await desk.send(PAY_BILLS, intent)
    assert (again.kind, len(desk.company.stores["BillPayment"].records)) == (AnswerKind.DONE, 1)


async def test_an_echo_of_something_else_is_told(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    other = {**payment, "TotalAmt": 99, "VendorRef": ref("57"), "Line": [], "PrivateNote": "", "DocNumber": "1"}
    with pytest.raises(EchoDiffers) as differs:
        PAY_BILLS.check_echo(replace(intent, external_id=None), other)
    assert differs.value.fields == ("amount", "vendor", "lines", "mark")


async def test_a_memo_edited_later_is_no_difference(desk: Desk) -> None:
    intent, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owe(desk), "100.00")))
    record = desk.company.stores["BillPayment"].records[payment["Id"]]
    desk.company.update("BillPayment", changed(record, DocNumber="77", PrivateNote="mine now"))
    found = await PAY_BILLS.find_mark(desk.rail, intent)
    assert isinstance(found, Found)
    assert PAY_BILLS.check_echo(intent, found.payload) == payment["Id"]
    with pytest.raises(EchoDiffers, match="mark"):
        PAY_BILLS.check_echo(replace(intent, external_id=None), found.payload)


async def test_a_look_that_gets_no_answer_is_an_error_and_no_verdict(desk: Desk) -> None:
    intent = intended(desk, (owe(desk), "100.00"))
    desk.teller.rig.simulator.refusals[REALM] = "120"
    with pytest.raises(RailNeedsReconnect):
        await PAY_BILLS.preflight(desk.rail, intent)
    desk.teller.rig.simulator.refusals.clear()
    await desk.teller.rig.trouble({"do": "answer", "status": 503}, verb="read")
    with pytest.raises(RailUnavailable):
        await PAY_BILLS.preflight(desk.rail, intent)
    with pytest.raises(RailRejected):
        await desk.rail.find("BillPayment", "Nonsense = '1'")


async def test_a_lost_access_is_told_when_writing_shows_it(desk: Desk) -> None:
    intent = intended(desk, (owe(desk), "100.00"))
    desk.teller.rig.simulator.refusals[REALM] = "120"
    _, answer = await desk.send(PAY_BILLS, intent)
    assert (answer.kind, len(desk.lost)) == (AnswerKind.ACCESS_GONE, 1)


async def paid(desk: Desk, amount: str = "100.00") -> tuple[Record, Record]:
    owed = owe(desk, amount)
    _, payment = await desk.carry_out(PAY_BILLS, intended(desk, (owed, amount)))
    return owed, desk.company.stores["BillPayment"].records[payment["Id"]]


def voiding(desk: Desk, payment: Record, *, bills: tuple[str, ...] = (), total: str = "100.00") -> Intent:
    meant = VoidPayment(payment=payment.id, total=Decimal(total), currency="USD", bills=bills)
    return desk.intent(VOID_PAYMENT, meant.as_meaning())


async def test_a_void_keeps_the_payment_and_opens_its_bill(desk: Desk) -> None:
    owed, payment = await paid(desk)
    intent, voided = await desk.carry_out(VOID_PAYMENT, voiding(desk, payment, bills=(owed.id,)))
    assert (voided["Id"], voided["TotalAmt"], desk.balance(owed)) == (payment.id, 0, 100)
    assert VOID_PAYMENT.touched(intent, voided) == {"Bill": (owed.id,)}
    assert isinstance(await VOID_PAYMENT.find_mark(desk.rail, intent), Found)
    assert isinstance(await VOID_PAYMENT.preflight(desk.rail, intent), Adopt)


async def test_a_void_whose_answer_was_lost_is_told_from_one_that_did_not_arrive(desk: Desk) -> None:
    _, payment = await paid(desk)
    intent = voiding(desk, payment)
    go = await VOID_PAYMENT.preflight(desk.rail, intent)
    assert isinstance(go, Go)
    await desk.teller.rig.trouble({"do": "reset"}, verb="void", count=1)
    intent, answer = await desk.send(VOID_PAYMENT, intent, go=go)
    assert answer.kind is AnswerKind.DOUBTFUL
    finding = await VOID_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert (finding.is_unmoved, finding.is_impossible) == (True, False)
    await desk.teller.rig.trouble({"do": "reset", "executed": True}, verb="void", count=1)
    await desk.send(VOID_PAYMENT, intent)
    assert isinstance(await VOID_PAYMENT.find_mark(desk.rail, intent), Found)


async def test_a_void_of_a_version_that_has_passed_cannot_arrive_any_more(desk: Desk) -> None:
    _, payment = await paid(desk)
    intent = voiding(desk, payment)
    go = await VOID_PAYMENT.preflight(desk.rail, intent)
    assert isinstance(go, Go)
    desk.company.update("BillPayment", changed(payment, PrivateNote=f"{payment.body['PrivateNote']} and more"))
    intent, answer = await desk.send(VOID_PAYMENT, intent, go=go)
    assert answer.kind is AnswerKind.STALE
    finding = await VOID_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert (finding.is_unmoved, finding.is_impossible) == (False, True)


async def test_a_payment_that_changed_or_went_is_not_voided(desk: Desk) -> None:
    _, payment = await paid(desk)
    verdict = await VOID_PAYMENT.preflight(desk.rail, voiding(desk, payment, total="90.00"))
    assert isinstance(verdict, Refuse)
    assert (verdict.code, "100.00 USD" in verdict.words, "90.00 USD" in verdict.words) == ("total_changed", True, True)
    intent = voiding(desk, payment)
    desk.company.delete("BillPayment", payment.body)
    verdict = await VOID_PAYMENT.preflight(desk.rail, intent)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "gone"
    finding = await VOID_PAYMENT.find_mark(desk.rail, intent)
    assert isinstance(finding, NotThere)
    assert not finding.is_unmoved


async def test_an_echo_that_is_not_void_is_told(desk: Desk) -> None:
    _, payment = await paid(desk)
    with pytest.raises(EchoDiffers) as differs:
        VOID_PAYMENT.check_echo(voiding(desk, payment), {**payment.body, "Id": "1"})
    assert differs.value.fields == ("payment", "void")
