"""Bills paid over HTTP: the application, the simulator as QuickBooks, and a worker between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select

from infra.jobs.outbox import OutboxRow
from infra.qbo.asked_jobs import RECONCILE_ACTION
from infra.qbo.simulator.trouble.rules import read_rules
from runway.jobs import JOBS
from tests.e2e.paying import Paying, events_of, new_key, open_paying, paying_company
from tests.e2e.rest import assert_problem, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paying(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Paying]:
    home = tmp_path_factory.mktemp("paying")
    async with open_shop(database, module_redis_url, home=home, files=[paying_company()]) as shop:
        yield await open_paying(shop)


async def test_a_bill_is_paid_once_and_everybody_sees_it(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        done = await paying.paid(bill)
    (payment,) = paying.payments_of(bill)
    assert done["external_id"] == payment["Id"]
    assert done["asked"]["bills"] == [{"bill": bill["external_id"], "amount": bill["balance"], "total": bill["total"]}]
    assert done["mark"] in payment["PrivateNote"]
    assert Decimal(str(payment["TotalAmt"])) == Decimal(bill["balance"])
    assert f"as payment {payment['Id']}" in done["words"]
    assert paying.balance_of("Bill", bill["external_id"]) == 0
    shown = (await paying.owner.get(f"/bills/{bill['id']}"))["data"]
    assert (shown["balance"], shown["status"]) == ("0.00", "paid")


async def test_a_double_click_is_one_payment(paying: Paying) -> None:
    bill, key = await paying.approved(), new_key()
    async with paying.working():
        clicks = await asyncio.gather(*(paying.pay(bill, key=key) for _ in range(5)))
        ids = {click.json()["data"]["id"] for click in clicks}
        assert len(ids) == 1, [click.text for click in clicks]
        await paying.settled(ids.pop())
    assert len(paying.payments_of(bill)) == 1
    again = await paying.pay(bill, key=key)
    assert (again.status_code, again.json()["data"]["outcome"]) == (200, "recorded")


async def test_a_key_stands_for_one_wish(paying: Paying) -> None:
    bill, other, key = await paying.approved(), await paying.approved(), new_key()
    async with paying.working():
        first = await paying.pay(bill, key=key, amount="1.00")
        for refused in (
            await paying.pay(bill, key=key, amount="2.00"),
            await paying.pay(other, key=key, amount="1.00"),
        ):
            body = assert_problem(refused, 422, "key-used-for-other")
            assert body["action"].endswith(first.json()["data"]["id"])
        await paying.settled(first.json()["data"]["id"])
    assert [payment["TotalAmt"] for payment in paying.payments_of(bill)] == [Decimal(1)]
    assert paying.payments_of(other) == []


async def test_while_quickbooks_is_away_the_answer_comes_at_once_and_the_outcome_later(paying: Paying) -> None:
    bill = await paying.approved()
    asked = await paying.pay(bill)  # no worker is there
    assert asked.status_code == 202
    shown = asked.json()["data"]
    assert (shown["outcome"], shown["may"]) == ("processing", ["cancel"])
    assert await paying.shown(shown["id"]) == shown
    assert asked.headers["location"] == f"/api/v1/payments/{shown['id']}"
    taken = assert_problem(await paying.pay(bill), 409, "conflict")
    assert (taken["code"], taken["action"]) == ("being_paid", asked.headers["location"])
    listening = asyncio.create_task(paying.owner.ask("GET", f"/payments/{shown['id']}/events"))
    async with paying.working():
        heard = await listening
    assert heard.headers["content-type"].startswith("text/event-stream")
    told = events_of(heard.text)
    assert [event["outcome"] for event in (told[0], told[-1])] == ["processing", "recorded"]
    assert heard.text.startswith("retry: ")
    assert len(paying.payments_of(bill)) == 1


async def test_what_was_not_sent_can_be_called_off(paying: Paying) -> None:
    bill = await paying.approved()
    payment_id = (await paying.pay(bill)).json()["data"]["id"]
    cancelled = await paying.post(f"/payments/{payment_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["data"]["outcome"]) == (200, "cancelled")
    async with paying.working():
        executed = assert_problem(await paying.post(f"/payments/{payment_id}/execute"), 409, "conflict")
        assert executed["code"] == "not_to_be_executed"
        done = await paying.paid(bill)  # it is free again
        assert_problem(await paying.post(f"/payments/{done['id']}/cancel"), 409, "conflict")
    assert len(paying.payments_of(bill)) == 1


async def test_a_scheduled_payment_waits_for_its_day_unless_somebody_executes_it(paying: Paying) -> None:
    bill = await paying.approved()
    day = paying.today + timedelta(days=5)
    async with paying.working():
        asked = await paying.pay(bill, on=day.isoformat())
        shown = asked.json()["data"]
        assert (asked.status_code, shown["outcome"], shown["may"]) == (202, "scheduled", ["execute", "cancel"])
        assert day.isoformat() in shown["words"]
        assert paying.payments_of(bill) == []
        executed = await paying.post(f"/payments/{shown['id']}/execute")
        assert executed.status_code in {200, 202}, executed.text
        await paying.settled(shown["id"])
    assert [payment["TxnDate"] for payment in paying.payments_of(bill)] == [day.isoformat()]


async def test_a_held_payment_waits_until_it_is_executed_and_its_bill_with_it(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        shown = (await paying.pay(bill, execute=False)).json()["data"]
        assert (shown["outcome"], shown["may"]) == ("held", ["execute", "cancel"])
        assert_problem(await paying.pay(bill), 409, "conflict")
        for _ in range(2):  # safe to repeat
            assert (await paying.post(f"/payments/{shown['id']}/execute")).status_code in {200, 202}
        await paying.settled(shown["id"])
    assert len(paying.payments_of(bill)) == 1


async def test_a_payment_is_voided_and_its_bill_is_open_again(paying: Paying) -> None:
    bill, key = await paying.approved(), new_key()
    async with paying.working():
        done = await paying.paid(bill)
        voids = [
            await paying.post(f"/payments/{done['id']}/void", {"reason": "wrong account"}, key=key) for _ in range(2)
        ]
        ids = {void.json()["data"]["id"] for void in voids}
        assert len(ids) == 1, [void.text for void in voids]
        void = await paying.verified(ids.pop())
        assert (void["operation"], void["outcome"]) == ("void_payment", "recorded")
        refused = assert_problem(await paying.post(f"/payments/{done['id']}/void"), 409, "conflict")
        assert refused["code"] == "nothing_to_void"
    assert paying.balance_of("Bill", bill["external_id"]) == Decimal(bill["balance"])
    shown = (await paying.owner.get(f"/bills/{bill['id']}"))["data"]
    assert shown["balance"] == bill["balance"]


async def test_the_trail_tells_who_what_and_how_we_know(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        done = await paying.paid(bill)
    trail = (await paying.owner.get(f"/payments/{done['id']}/trail"))["data"]
    steps = {(step["of"], step["event"]) for step in trail["steps"]}
    assert {("approval", "approved"), ("action", "requested"), ("recorded", "created")} <= steps
    approved, *_ = [step for step in trail["steps"] if step["of"] == "approval"]
    assert approved["actor"] == f"user:{paying.owner.user_id}"
    assert Decimal(str(approved["details"]["total"])) == Decimal(bill["total"])
    versions = [step["version"] for step in trail["steps"] if step["of"] == "action"]
    assert versions == list(range(1, trail["payment"]["version"] + 1))
    sent = [attempt for attempt in trail["attempts"] if attempt["result"] == "done"]
    assert [bool(attempt["trace_id"]) for attempt in sent] == [True]
    assert all(step["row_id"] for step in trail["steps"])


async def test_what_was_paid_is_compared_with_quickbooks_once_more(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        done = await paying.paid(bill)
    services, business_id = paying.shop.web.services, UUID(paying.shop.visitor.business_id)
    asked = select(OutboxRow).where(OutboxRow.business_id == business_id, OutboxRow.job == RECONCILE_ACTION)
    async with services.jobs_uow([]) as uow:
        latest = (await uow.session.scalars(asked.order_by(OutboxRow.id.desc()).limit(1))).one()
    touched = [f"Bill:{bill['external_id']}", f"BillPayment:{done['external_id']}"]
    assert latest.arguments == [str(business_id), *touched]
    assert latest.due_at > latest.requested_at
    paying.somebody_edits("Bill", bill, PrivateNote="they called")
    await JOBS[RECONCILE_ACTION].run(services, *latest.arguments)
    shown = (await paying.owner.get("/drift", entity="Bill"))["data"]
    assert [item["external_id"] for item in shown if item["repaired_at"]] == [bill["external_id"]]


async def test_what_is_in_doubt_is_decided_by_a_person_who_looked(paying: Paying) -> None:
    """QuickBooks says that it is recorded, cannot be read for a moment, and has nothing of it then."""
    bill, trouble = await paying.approved(), paying.shop.simulator.trouble
    unreadable = {"match": {"verb": ["read"], "entity": "BillPayment"}, "effect": {"do": "answer", "status": 503}}
    trouble.add(read_rules({"name": "unreadable", **unreadable}, source="test"))
    async with paying.working():
        done = await paying.settled((await paying.pay(bill)).json()["data"]["id"])
        payment_id, external_id = done["id"], done["external_id"]
        early = await paying.post(f"/payments/{payment_id}/review", {"found": external_id})
        assert_problem(early, 409, "conflict")
        paying.somebody_deletes("BillPayment", external_id)
        trouble.remove("unreadable")
        shown = await paying.doubted(payment_id)
    assert shown["may"] == ["review"]
    assert done["mark"] in shown["words"]
    other = paying.shop.bodies("BillPayment")[0]["Id"]
    for wrong in (other, external_id):
        refused = await paying.post(f"/payments/{payment_id}/review", {"found": wrong})
        assert assert_problem(refused, 409, "conflict")["detail"].startswith(f"BillPayment {wrong} is not what")
    both = await paying.post(f"/payments/{payment_id}/review", {"found": "1", "not_there": "nowhere"})
    assert_problem(both, 422, "malformed-request")
    answer = await paying.post(f"/payments/{payment_id}/review", {"not_there": "looked through the bill"})
    assert (answer.status_code, answer.json()["data"]["outcome"]) == (200, "not_recorded")
    steps = (await paying.owner.get(f"/payments/{payment_id}/trail"))["data"]["steps"]
    assert steps[-1]["actor"] == f"user:{paying.owner.user_id}"
    assert paying.balance_of("Bill", bill["external_id"]) == Decimal(bill["balance"])
