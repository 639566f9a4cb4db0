"""Writes over HTTP to a real server: each kind of answer and each stage comes about as it does in life."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from infra import exact_json
from infra.actions.rail import AnswerKind, SendStage, Write, WriteAnswer
from infra.qbo.http_client import open_http
from infra.qbo.simulator.books.store import Record
from infra.qbo.transport import Call
from infra.ratelimit.breaker import Way
from infra.ratelimit.limits import Limits
from tests.integration.infra.qbo.telling import Teller, telling
from tests.integration.infra.qbo.troubled_simulator import until
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    REALM,
    bill,
    bill_payment,
    changed,
    invoice,
    payment,
    ref,
)

IMPATIENT = httpx.Timeout(connect=3.0, write=5.0, read=0.3, pool=1.0)


@pytest.fixture
async def teller(redis_url: str) -> AsyncIterator[Teller]:
    async with telling(redis_url) as teller:
        yield teller


def open_bill(teller: Teller, amount: str = "100.00", **more: Any) -> Record:
    return teller.company.create("Bill", bill(amount, **more))


async def pay(teller: Teller, amount: str = "100.00", **more: Any) -> WriteAnswer:
    """Pay a new bill of 100.00."""
    options = {name: more.pop(name) for name in ("request_id", "writing") if name in more}
    return await teller.tell("BillPayment", {**bill_payment(amount, [(open_bill(teller), amount)]), **more}, **options)


def payments(teller: Teller) -> int:
    return len(teller.company.stores["BillPayment"].records)


async def test_a_payment_is_done_and_shows_on_its_bill(teller: Teller) -> None:
    owed = open_bill(teller)
    answer = await teller.tell("BillPayment", bill_payment("100.00", [(owed, "100.00")]), request_id="r1")
    assert (answer.kind, answer.stage, answer.status, answer.words) == (AnswerKind.DONE, SendStage.BODY, 200, "")
    assert answer.payload is not None
    assert answer.payload["Line"][0]["LinkedTxn"] == [{"TxnId": owed.id, "TxnType": "Bill"}]
    assert answer.answered_at == datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
    assert answer.trace_id
    assert (owed.body["Balance"], owed.body["LinkedTxn"]) == (
        0,
        [{"TxnId": answer.payload["Id"], "TxnType": "BillPaymentCheck"}],
    )
    assert [(one.verb, one.request_id) for one in teller.writes()] == [("create", "r1")]
    assert teller.counted == [False]


async def test_the_same_id_again_is_answered_and_not_executed(teller: Teller) -> None:
    body = bill_payment("100.00", [(open_bill(teller), "100.00")])
    first, second = [await teller.tell("BillPayment", body, request_id="r1") for _ in range(2)]
    assert (second.kind, second.payload) == (AnswerKind.DONE, first.payload)
    assert (payments(teller), len(teller.writes())) == (1, 2)


async def test_a_void_reopens_the_bill(teller: Teller) -> None:
    owed = open_bill(teller)
    paid = await teller.tell("BillPayment", bill_payment("100.00", [(owed, "100.00")]))
    assert paid.payload is not None
    body = {"Id": paid.payload["Id"], "SyncToken": paid.payload["SyncToken"], "sparse": True}
    write = Write("BillPayment", exact_json.dumps(body), "v1", {"operation": "update", "include": "void"})
    voided = await teller.client().write(write)
    assert voided.payload is not None
    assert (voided.payload["TotalAmt"], voided.payload["PrivateNote"]) == (0, "Voided")
    assert (owed.body["Balance"], "LinkedTxn" in owed.body) == (100, False)


async def test_an_invoice_is_sent_without_a_body(teller: Teller) -> None:
    owing = teller.company.create("Invoice", invoice(BillEmail={"Address": "amy@example.com"}))
    write = Write("Invoice", b'{"Id":"1"}', "s1", subpath=f"/{owing.id}/send")
    answer = await teller.client().write(write)
    assert answer.payload is not None
    assert (answer.kind, answer.payload["EmailStatus"]) == (AnswerKind.DONE, "EmailSent")
    assert teller.writes()[-1].verb == "send"


async def test_the_named_way_to_pay_is_the_same_way(teller: Teller) -> None:
    body = exact_json.dumps(bill_payment("100.00", [(open_bill(teller), "100.00")]))
    client = teller.client()
    answer = await client.create_payment_in_qbo(body, request_id="r1")
    assert (answer.kind, client.calls, payments(teller)) == (AnswerKind.DONE, 1, 1)


async def test_too_many_calls_are_not_executed_and_hold_the_company_back(teller: Teller) -> None:
    await teller.rig.trouble({"do": "answer", "status": 429, "retry_after_seconds": 90}, verb="create")
    turned_away, held_back = [await pay(teller), await pay(teller)]
    assert (turned_away.kind, turned_away.retry_after_seconds) == (AnswerKind.NOT_EXECUTED, 90)
    assert (held_back.kind, held_back.stage) == (AnswerKind.NOT_SENT, SendStage.NOT_CONNECTED)
    assert held_back.retry_after_seconds == pytest.approx(90, abs=10)
    assert (len(teller.writes()), payments(teller)) == (1, 0)


async def test_a_token_that_has_ended_is_refreshed_and_the_same_bytes_go_again(teller: Teller) -> None:
    await teller.rig.trouble({"do": "expire_token"}, verb="create", count=1)
    answer = await pay(teller, request_id="r1")
    assert answer.kind is AnswerKind.DONE
    assert [(one.request_id, one.status) for one in teller.writes()] == [("r1", 401), ("r1", 200)]
    assert (len(teller.grant.refreshes), payments(teller), teller.counted) == (1, 1, [False, False])


async def test_a_token_refused_twice_is_not_executed(teller: Teller) -> None:
    await teller.rig.trouble({"do": "answer", "status": 401}, verb="create")
    answer = await pay(teller)
    assert (answer.kind, answer.status, answer.retry_after_seconds) == (AnswerKind.NOT_EXECUTED, 401, 60)
    assert (len(teller.writes()), len(teller.grant.refreshes)) == (2, 1)


async def test_a_grant_that_is_gone_needs_a_person(teller: Teller) -> None:
    await teller.rig.trouble({"do": "revoke_grant"}, verb="create", count=1)
    teller.grant.is_gone = True
    answer = await pay(teller)
    assert (answer.kind, len(teller.writes())) == (AnswerKind.ACCESS_GONE, 1)
    assert "connect it again" in answer.words


@pytest.mark.parametrize(("code", "kind"), [("120", AnswerKind.ACCESS_GONE), ("6190", AnswerKind.REFUSED)])
async def test_a_company_that_is_closed_to_us(teller: Teller, code: str, kind: AnswerKind) -> None:
    owed = open_bill(teller)
    teller.rig.simulator.refusals[REALM] = code
    answer = await teller.tell("BillPayment", bill_payment("100.00", [(owed, "100.00")]))
    assert (answer.kind, answer.code) == (kind, code)


@pytest.mark.parametrize(("body", "kind"), [("gateway", AnswerKind.ACCESS_GONE), ("html", AnswerKind.DOUBTFUL)])
async def test_only_intuits_own_403_ends_the_connection(teller: Teller, body: str, kind: AnswerKind) -> None:
    await teller.rig.trouble({"do": "answer", "status": 403, "body": body}, verb="create")
    assert (await pay(teller)).kind is kind


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize(
    ("effect", "stage"),
    [
        ({"do": "answer", "status": 500}, SendStage.BODY),
        ({"do": "answer", "status": 503}, SendStage.BODY),
        ({"do": "answer", "status": 200, "body": "html"}, SendStage.BODY),
        ({"do": "answer", "status": 200, "body": "empty"}, SendStage.BODY),
        ({"do": "answer", "status": 200, "body": "fault"}, SendStage.BODY),
        ({"do": "reset"}, SendStage.SENT),
        ({"do": "silence"}, SendStage.SENT),
    ],
)
async def test_what_may_have_been_executed_is_doubtful(
    teller: Teller, effect: dict[str, Any], stage: SendStage, *, executed: bool
) -> None:
    await teller.rig.trouble({**effect, "executed": executed}, verb="create", count=1)
    answer = await pay(teller, request_id="r1", writing=teller.writing(timeouts=IMPATIENT))
    assert (answer.kind, answer.stage, answer.payload) == (AnswerKind.DOUBTFUL, stage, None)
    assert (len(teller.writes()), payments(teller)) == (1, int(executed))
    assert answer.words


async def test_half_an_answer_is_doubtful_though_it_was_executed(teller: Teller) -> None:
    await teller.rig.trouble({"do": "half"}, verb="create", count=1)
    answer = await pay(teller)
    assert (answer.kind, answer.stage, answer.status) == (AnswerKind.DOUBTFUL, SendStage.HEADERS, 200)
    assert (answer.digest is not None, payments(teller)) == (True, 1)


async def test_an_answer_that_never_ends_is_cut_off(teller: Teller) -> None:
    await teller.rig.trouble({"do": "slow", "seconds": 600}, verb="create", count=1)
    answer = await pay(teller, writing=teller.writing(whole_call=timedelta(seconds=0.5)))
    assert (answer.kind, answer.stage) == (AnswerKind.DOUBTFUL, SendStage.HEADERS)


async def test_a_fault_within_a_success_is_doubtful(teller: Teller) -> None:
    teller.rig.simulator.behaviour = teller.rig.simulator.behaviour.changed({"faults_with_200": "true"})
    answer = await teller.tell("BillPayment", bill_payment("1.00", [], vendor="56") | {"VendorRef": ref("999")})
    assert (answer.kind, answer.status, answer.code) == (AnswerKind.DOUBTFUL, 200, "2500")


async def test_nobody_listening_means_that_nothing_was_sent(teller: Teller) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = teller.settings.model_copy(update={"api_url": f"http://127.0.0.1:{taken.getsockname()[1]}"})
        async with open_http(settings) as http:
            answer = await pay(teller, writing=teller.writing(settings=settings, http=http))
    assert (answer.kind, answer.stage) == (AnswerKind.NOT_SENT, SendStage.NOT_CONNECTED)


async def test_a_handshake_that_fails_means_that_nothing_was_sent(teller: Teller) -> None:
    base = str(teller.settings.api_url).replace("http://", "https://")
    settings = teller.settings.model_copy(update={"api_url": base})
    async with open_http(settings) as http:
        answer = await pay(teller, writing=teller.writing(settings=settings, http=http))
    assert (answer.kind, answer.stage) == (AnswerKind.NOT_SENT, SendStage.CONNECTED)
    assert teller.writes() == []


async def test_another_host_is_never_told(teller: Teller) -> None:
    settings = teller.settings.model_copy(update={"api_url": "https://elsewhere.example"})
    answer = await pay(teller, writing=teller.writing(settings=settings))
    assert (answer.kind, answer.stage) == (AnswerKind.NOT_SENT, SendStage.NOT_CONNECTED)


async def test_a_transport_that_does_not_tell_proves_nothing(teller: Teller) -> None:
    """A stand-in without traces: its read time-out must not pass for a request that never left."""

    def break_off(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(break_off)) as http:
        answer = await pay(teller, writing=teller.writing(http=http))
    assert answer.kind is AnswerKind.DOUBTFUL


async def test_an_open_circuit_sends_nothing(teller: Teller) -> None:
    await teller.rig.trouble({"do": "answer", "status": 503}, verb="create")
    while not teller.breaker.wait_seconds(REALM, Way.WRITE):
        assert (await pay(teller)).kind is AnswerKind.DOUBTFUL
    sent = len(teller.writes())
    answer = await pay(teller)
    assert (answer.kind, answer.stage, len(teller.writes())) == (AnswerKind.NOT_SENT, SendStage.NOT_CONNECTED, sent)
    assert (answer.retry_after_seconds or 0) > 0
    assert teller.breaker.wait_seconds(REALM, Way.READ) == 0


async def test_refusals_open_no_circuit(teller: Teller) -> None:
    for _ in range(12):
        assert (await pay(teller, VendorRef=ref("999"))).kind is AnswerKind.REFUSED
    assert teller.breaker.standing() == {"closed": 2, "open": 0, "half_open": 0}


async def test_no_room_in_our_own_limit_sends_nothing(teller: Teller) -> None:
    writing = teller.writing(limits=Limits(per_minute=1, burst=1, per_second=1000))
    answers = [await pay(teller, writing=writing) for _ in range(3)]
    assert answers[0].kind is AnswerKind.DONE
    assert answers[-1].kind is AnswerKind.NOT_SENT
    assert (answers[-1].retry_after_seconds or 0) > 10
    assert payments(teller) == len(teller.writes()) < 3


async def test_a_write_that_is_cancelled_gives_its_place_back_and_tells_nothing(teller: Teller) -> None:
    await teller.rig.trouble({"do": "silence", "executed": True}, verb="create", count=1)
    narrow = teller.writing(limits=Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000, in_flight=1))
    task = asyncio.create_task(pay(teller, writing=narrow))
    await until(lambda: bool(teller.writes()))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert (await pay(teller, writing=narrow)).kind is AnswerKind.DONE


def _inactive_vendor(teller: Teller) -> dict[str, Any]:
    body = bill_payment("100.00", [(open_bill(teller), "100.00")])
    vendor = teller.company.stores["Vendor"].records["56"]
    teller.company.update("Vendor", changed(vendor, Active=False))
    return body


def _unknown_account(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"CheckPayment": {"BankAccountRef": ref("999")}}


def _gone_bill(teller: Teller) -> dict[str, Any]:
    owed = open_bill(teller)
    body = bill_payment("100.00", [(owed, "100.00")])
    teller.company.delete("Bill", {"Id": owed.id, "SyncToken": owed.body["SyncToken"]})
    return body


def _no_vendor(teller: Teller) -> dict[str, Any]:
    body = bill_payment("100.00", [(open_bill(teller), "100.00")])
    return {name: value for name, value in body.items() if name != "VendorRef"}


def _closed_books(teller: Teller) -> dict[str, Any]:
    body = bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"TxnDate": "2025-12-31"}
    preferences = next(iter(teller.company.stores["Preferences"].records.values()))
    teller.company.update("Preferences", changed(preferences, AccountingInfoPrefs={"BookCloseDate": "2025-12-31"}))
    return body


def _number_taken(teller: Teller) -> dict[str, Any]:
    teller.rig.simulator.behaviour = teller.rig.simulator.behaviour.changed({"duplicate_numbers": "always"})
    first = open_bill(teller)
    teller.company.create("BillPayment", bill_payment("100.00", [(first, "100.00")]) | {"DocNumber": "12"})
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"DocNumber": "12"}


def _over_payment(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.01", [(open_bill(teller), "100.01")])


def _other_currency(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"CurrencyRef": ref("EUR")}


def _long_number(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"DocNumber": "1" * 22}


def _unknown_way(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"PayType": "Barter"}


def _unknown_property(teller: Teller) -> dict[str, Any]:
    return bill_payment("100.00", [(open_bill(teller), "100.00")]) | {"Colour": "green"}


def _no_number(teller: Teller) -> dict[str, Any]:
    return bill_payment("much", [(open_bill(teller), "100.00")])


@pytest.mark.parametrize(
    ("make", "kind", "code", "word"),
    [
        (_inactive_vendor, AnswerKind.REFUSED, "610", "inactive"),
        (_unknown_account, AnswerKind.REFUSED, "2500", "account"),
        (_gone_bill, AnswerKind.REFUSED, "620", "link"),
        (_no_vendor, AnswerKind.REFUSED, "2020", "misses"),
        (_closed_books, AnswerKind.REFUSED, "6210", "closed"),
        (_long_number, AnswerKind.REFUSED, "2050", "too long"),
        (_unknown_way, AnswerKind.REFUSED, "2170", "choice"),
        (_unknown_property, AnswerKind.REFUSED, "2010", "support"),
        (_no_number, AnswerKind.REFUSED, "2090", "amount"),
        (_number_taken, AnswerKind.DUPLICATE_NUMBER, "6140", "number"),
        (_over_payment, AnswerKind.DOUBTFUL, "6000", "more than what is open"),
        (_other_currency, AnswerKind.DOUBTFUL, "6000", "currency"),
    ],
)
async def test_the_books_refuse_a_payment(
    teller: Teller, make: Callable[[Teller], dict[str, Any]], kind: AnswerKind, code: str, word: str
) -> None:
    body, before = make(teller), payments(teller)
    answer = await teller.tell("BillPayment", body)
    assert (answer.kind, answer.code, answer.status) == (kind, code, 400)
    assert word in answer.words
    assert payments(teller) == before


async def test_a_plan_without_bills_refuses_them(teller: Teller) -> None:
    body = bill_payment("100.00", [(open_bill(teller), "100.00")])
    info = next(iter(teller.company.stores["CompanyInfo"].records.values()))
    info.own()["NameValue"] = [{"Name": "OfferingSku", "Value": "QuickBooks Online Simple Start"}]
    answer = await teller.tell("BillPayment", body)
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "5020")
    assert "right to record" in answer.words


async def test_an_old_version_is_stale(teller: Teller) -> None:
    paid = teller.company.create("BillPayment", bill_payment("100.00", [(open_bill(teller), "100.00")]))
    body = {"Id": paid.id, "SyncToken": "7", "sparse": True}
    answer = await teller.tell("BillPayment", body, operation="update", include="void")
    assert (answer.kind, answer.code, paid.body["TotalAmt"]) == (AnswerKind.STALE, "5010", 100)


async def test_a_deposited_payment_is_not_undone(teller: Teller) -> None:
    owing = teller.company.create("Invoice", invoice("50.00"))
    received = teller.company.create("Payment", payment("50.00", [(owing, "50.00")]))
    line = {"Amount": "50.00", "LinkedTxn": [{"TxnId": received.id, "TxnType": "Payment", "TxnLineId": "0"}]}
    teller.company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line]})
    body = {"Id": received.id, "SyncToken": received.body["SyncToken"]}
    answer = await teller.tell("Payment", body, operation="delete")
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "6540")
    assert "deposit" in answer.words


async def test_a_name_that_is_taken_is_refused(teller: Teller) -> None:
    answer = await teller.tell("Vendor", {"DisplayName": "Norton Lumber"})
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "6240")


async def test_what_is_not_offered_is_refused(teller: Teller) -> None:
    owed = open_bill(teller)
    answer = await teller.tell("Bill", {"Id": owed.id, "SyncToken": "0"}, operation="update", include="void")
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "500")


async def test_an_id_that_is_none_is_refused(teller: Teller) -> None:
    answer = await teller.tell("BillPayment", {"Id": "x", "SyncToken": "0"}, operation="delete")
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "2030")


async def test_a_price_that_does_not_add_up_is_refused(teller: Teller) -> None:
    body = invoice("10.00")
    body["Line"][0]["SalesItemLineDetail"] |= {"Qty": 3, "UnitPrice": 5}
    answer = await teller.tell("Invoice", body)
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "6070")


async def test_a_send_without_an_address_is_doubtful_in_words(teller: Teller) -> None:
    owing = teller.company.create("Invoice", invoice())
    call = Call("write", f"/invoice/{owing.id}/send", entity="Invoice", way=Way.WRITE)
    answer = await teller.writing().write(call, b"", request_id="s1")
    assert (answer.kind, answer.code) == (AnswerKind.DOUBTFUL, "6000")
    assert "e-mail address" in answer.words
