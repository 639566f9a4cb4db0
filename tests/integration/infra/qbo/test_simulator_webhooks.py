"""Webhooks out, received by a real server over HTTP; time is moved, never waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from infra import exact_json
from infra.qbo.simulator.webhooks.events import sign
from tests.integration.infra.qbo.troubled_simulator import Rig, small_simulator, troubled, until
from tests.unit.infra.qbo.simulator.small_company import REALM, bill, bill_payment, invoice, payment

TOKEN = "test-verifier-token"


class Receiver:
    """Answers with the statuses in `answers`, then with 200, and keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            named = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append(({name.lower(): value for name, value in named.items()}, body))
            status = self.answers.pop(0) if self.answers else 200
            if status:
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
                await writer.drain()
            else:
                await reader.read()  # no answer: until the sender gives up
        finally:
            writer.close()

    @property
    def bodies(self) -> list[Any]:
        return [exact_json.loads(body) for _, body in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    receiver.url = f"http://{host}:{port}/hooks"
    async with server:
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with troubled(small_simulator()) as rig:
        yield rig


async def subscribe(rig: Rig, receiver: Receiver, **more: Any) -> None:
    body = {"url": receiver.url, "verifier_token": TOKEN, **more}
    (await rig.http.post("/admin/webhooks", json=body)).raise_for_status()


async def arrived(rig: Rig, count: int) -> None:
    """That many attempts are over, answered or not."""
    await until(lambda: rig.simulator.oracle.totals["notifications"] >= count)


async def test_changes_are_gathered_signed_and_sent_as_cloud_events(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=5)
    made = (await rig.post("bill", bill())).json()["Bill"]
    await rig.advance(4)
    changed = await rig.post("bill", {**made, "PrivateNote": "x"})
    assert changed.status_code == 200
    await rig.post("bill", {"Id": made["Id"], "SyncToken": "1"}, operation="delete")
    assert receiver.got == []
    await rig.advance(1)
    await arrived(rig, 1)
    headers, raw = receiver.got[0]
    assert headers["intuit-signature"] == sign(raw, TOKEN)
    events = receiver.bodies[0]
    assert [event["type"] for event in events] == ["qbo.bill.created.v1", "qbo.bill.updated.v1", "qbo.bill.deleted.v1"]
    assert {(event["intuitentityid"], event["intuitaccountid"]) for event in events} == {(made["Id"], REALM)}
    assert events[1]["time"] == "2026-03-02T18:00:04.000000Z"
    assert len({event["id"] for event in events}) == 3


async def test_the_legacy_form_and_the_entities_asked_for(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=0, format="legacy", entities=["Vendor"])
    await rig.post("bill", bill())
    await rig.post("vendor", {"DisplayName": "Fresh"})
    await arrived(rig, 1)
    [notification] = receiver.bodies[0]["eventNotifications"]
    [entity] = notification["dataChangeEvent"]["entities"]
    assert notification["realmId"] == REALM
    assert (entity["name"], entity["operation"], entity["lastUpdated"]) == (
        "Vendor",
        "Create",
        "2026-03-02T18:00:00.000Z",
    )


async def test_retries_keep_their_schedule_and_withhold_what_follows(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=0)
    receiver.answers = [500, 302, 204, 500, 500]
    await rig.post("bill", bill())
    await arrived(rig, 1)
    await rig.post("bill", bill())
    for nth, wait in enumerate((10, 20, 30, 300, 1200), start=1):
        await rig.advance(wait - 1)
        assert len(receiver.got) == nth
        await rig.advance(1)
        await arrived(rig, nth + 1)
    await arrived(rig, 7)
    assert len({raw for _, raw in receiver.got[:6]}) == 1
    assert receiver.got[6][1] != receiver.got[0][1]
    tries = [(tried["attempt"], tried["status"]) for tried in (await rig.oracle())["notifications"]]
    assert tries == [(1, 500), (2, 302), (3, 204), (4, 500), (5, 500), (6, 200), (1, 200)]


async def test_no_answer_in_time_is_tried_again(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=0, answer_seconds=0.1)
    receiver.answers = [0]
    await rig.post("bill", bill())
    await arrived(rig, 1)
    await rig.advance(10)
    await arrived(rig, 2)
    assert [tried["status"] for tried in (await rig.oracle())["notifications"]] == [None, 200]


async def test_events_are_lost_doubled_and_reordered_by_rule(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=0)
    await rig.trouble({"do": "lose"}, entity="Bill")
    await rig.trouble({"do": "double", "after_seconds": 30}, entity="Vendor", count=1)
    await rig.trouble({"do": "delay", "seconds": 20}, entity="Customer")
    await rig.post("bill", bill())
    await rig.post("customer", {"DisplayName": "Slow"})
    await rig.post("vendor", {"DisplayName": "Twin"})
    await arrived(rig, 1)
    await rig.advance(20)
    await arrived(rig, 2)
    await rig.advance(10)
    await arrived(rig, 3)
    events = [event for body in receiver.bodies for event in body]
    assert [event["type"].split(".")[1] for event in events] == ["vendor", "customer", "vendor"]
    assert events[0]["id"] == events[2]["id"]


async def test_a_payment_tells_of_what_it_paid_and_not_of_balances(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=1)
    made = (await rig.post("bill", bill())).json()["Bill"]
    await rig.advance(1)
    await arrived(rig, 1)
    paid = await rig.post(
        "billpayment",
        {
            "VendorRef": {"value": "56"},
            "TotalAmt": 100,
            "PayType": "Check",
            "CheckPayment": {"BankAccountRef": {"value": "1"}},
            "Line": [{"Amount": 100, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Bill"}]}],
        },
    )
    assert paid.status_code == 200
    await rig.advance(1)
    await arrived(rig, 2)
    assert {event["type"] for event in receiver.bodies[1]} == {"qbo.billpayment.created.v1", "qbo.bill.updated.v1"}


async def test_a_company_without_a_grant_is_silent(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver, delay_seconds=0)
    rig.simulator.oauth.revoke(rig.info.refresh_token)
    rig.simulator.edit(REALM, "Vendor")
    assert len(rig.simulator.oracle.commits) == 1
    assert len(rig.simulator.timeline) == 0


def told(body: Any) -> list[tuple[str, str, str]]:
    """Entity in lower case, Id and operation of each event of a notification in either form."""
    if isinstance(body, dict):
        [notification] = body["eventNotifications"]
        entities = notification["dataChangeEvent"]["entities"]
        return [(each["name"].lower(), each["id"], each["operation"]) for each in entities]
    words = [event["type"].split(".") for event in body]
    return [(word[1], event["intuitentityid"], word[2]) for word, event in zip(words, body, strict=True)]


FORMS = {
    "legacy": {"void": "Void", "send": "Emailed", "merge": "Merge", "update": "Update"},
    "cloudevents": {"void": "voided", "send": "emailed", "merge": "merged", "update": "updated"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("entity", ["Invoice", "Payment", "SalesReceipt", "BillPayment"])
async def test_a_void_is_told_as_one(rig: Rig, receiver: Receiver, form: str, entity: str) -> None:
    body: dict[str, Any] = {
        "Invoice": invoice(),
        "Payment": payment("5.00", []),
        "SalesReceipt": invoice(),
        "BillPayment": bill_payment("5.00", []),
    }[entity]
    made = (await rig.post(entity.lower(), body)).json()[entity]
    await subscribe(rig, receiver, delay_seconds=0, format=form, entities=[entity])
    key = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    how = {"operation": "void"} if entity == "Invoice" else {"operation": "update", "include": "void"}
    assert (await rig.post(entity.lower(), key, **how)).status_code == 200
    await arrived(rig, 1)
    assert told(receiver.bodies[0]) == [(entity.lower(), made["Id"], FORMS[form]["void"])]
    assert receiver.got[0][0]["intuit-signature"] == sign(receiver.got[0][1], TOKEN)


@pytest.mark.parametrize("form", FORMS)
async def test_a_void_tells_of_what_was_paid_too(rig: Rig, receiver: Receiver, form: str) -> None:
    owed = (await rig.post("bill", bill())).json()["Bill"]
    line = {"Amount": 100, "LinkedTxn": [{"TxnId": owed["Id"], "TxnType": "Bill"}]}
    paid = (await rig.post("billpayment", bill_payment(100, []) | {"Line": [line]})).json()["BillPayment"]
    await subscribe(rig, receiver, delay_seconds=0, format=form)
    key = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    await rig.post("billpayment", key, operation="update", include="void")
    await arrived(rig, 1)
    words = FORMS[form]
    expected = {("billpayment", paid["Id"], words["void"]), ("bill", owed["Id"], words["update"])}
    assert set(told(receiver.bodies[0])) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moves_token", [False, True])
async def test_a_mailed_invoice_is_told_as_such(rig: Rig, receiver: Receiver, form: str, *, moves_token: bool) -> None:
    made = (await rig.post("invoice", invoice(BillEmail={"Address": "amy@example.com"}))).json()["Invoice"]
    await rig.http.post("/admin/behaviour", json={"send_moves_token": moves_token})
    await subscribe(rig, receiver, delay_seconds=0, format=form)
    assert (await rig.post(f"invoice/{made['Id']}/send", None)).status_code == 200
    await arrived(rig, 1)
    assert told(receiver.bodies[0]) == [("invoice", made["Id"], FORMS[form]["send"])]


@pytest.mark.parametrize("form", FORMS)
async def test_a_merge_is_one_event(rig: Rig, receiver: Receiver, form: str) -> None:
    await subscribe(rig, receiver, delay_seconds=0, format=form)
    merged = await rig.http.post(f"/admin/merge/{REALM}", json={"entity": "Vendor", "from": "57", "into": "56"})
    assert merged.status_code == 200
    await arrived(rig, 1)
    assert told(receiver.bodies[0]) == [("vendor", "56", FORMS[form]["merge"])]
    if form == "legacy":
        [entity] = receiver.bodies[0]["eventNotifications"][0]["dataChangeEvent"]["entities"]
        assert entity["deletedId"] == "57"
    else:
        assert receiver.bodies[0][0]["data"] == {}


async def test_a_cloud_event_may_hold_other_ids_and_the_merged_one(rig: Rig, receiver: Receiver) -> None:
    switches = {"cloud_event_form": "alternative_ids", "cloud_event_merged_id": "data"}
    (await rig.http.post("/admin/behaviour", json=switches)).raise_for_status()
    await subscribe(rig, receiver, delay_seconds=0)
    await rig.http.post(f"/admin/merge/{REALM}", json={"entity": "Vendor", "from": "57", "into": "56"})
    await arrived(rig, 1)
    [event] = receiver.bodies[0]
    assert "datacontenttype" not in event
    assert event["data"]["deleted_id"] == "57"
    [other] = event["data"]["alternative_ids"]
    assert (other["id"].split(":")[1], other["namespace"]) == ("56", "Intuit.sbseg.v4")


@pytest.mark.parametrize(
    ("change", "place"),
    [({"url": "ftp://x/"}, "url"), ({"verifier_token": ""}, "verifier_token"), ({"entities": ["Nothing"]}, "Nothing")],
)
async def test_a_subscription_that_cannot_be_read_says_where(rig: Rig, change: dict[str, Any], place: str) -> None:
    body = {"url": "http://127.0.0.1:1/", "verifier_token": TOKEN, **change}
    answer = await rig.http.post("/admin/webhooks", json=body)
    assert (answer.status_code, place in answer.json()["error"]) == (400, True)


async def test_an_ended_subscription_hears_nothing_and_secrets_are_not_shown(rig: Rig, receiver: Receiver) -> None:
    await subscribe(rig, receiver)
    listed = await rig.http.get("/admin/webhooks")
    assert TOKEN not in listed.text
    assert listed.json()["subscriptions"][0]["url"] == receiver.url
    assert (await rig.http.delete("/admin/webhooks/webhook-1")).json() == {"removed": ["webhook-1"]}
    await rig.post("bill", bill())
    assert len(rig.simulator.timeline) == 0
