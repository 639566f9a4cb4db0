"""A payment whose bill loses its approval before it left: it is held, and released only when the bill is approved again."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from runway.orchestrators.approval_watch import ApprovalWatch
from tests.e2e.paying import Paying, open_paying, paying_company
from tests.e2e.rest import assert_problem, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paying(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Paying]:
    home = tmp_path_factory.mktemp("withdrawn")
    async with open_shop(database, module_redis_url, home=home, files=[paying_company()]) as shop:
        yield await open_paying(shop)


async def scheduled(paying: Paying, bill: dict[str, Any]) -> str:
    day = paying.shop.web.services.clock.now().date() + timedelta(days=5)
    shown = (await paying.pay(bill, on=day.isoformat())).json()["data"]
    assert shown["outcome"] == "scheduled"
    payment_id: str = shown["id"]
    return payment_id


async def test_withdrawing_an_approval_holds_the_payment_that_waits(paying: Paying) -> None:
    bill = await paying.approved()
    payment_id = await scheduled(paying, bill)
    for _ in range(2):
        answer = await paying.owner.ask("POST", f"/bills/{bill['id']}/unapprove")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "waiting")
    shown = await paying.shown(payment_id)
    assert shown["outcome"] == "held"
    assert "was withdrawn" in shown["words"]
    async with paying.working():
        refused = assert_problem(await paying.post(f"/payments/{payment_id}/execute"), 409, "conflict")
        assert refused["code"] == "not_approved"
        await paying.approve(bill)
        assert (await paying.post(f"/payments/{payment_id}/execute")).status_code in {200, 202}
        assert (await paying.shown(payment_id))["outcome"] == "scheduled"  # on its day again
        assert (await paying.post(f"/payments/{payment_id}/execute")).status_code in {200, 202}
        assert (await paying.settled(payment_id))["outcome"] == "recorded"
    assert len(paying.payments_of(bill)) == 1


async def test_an_edit_in_quickbooks_holds_it_too_and_says_so(paying: Paying) -> None:
    bills = list(paying.of_one_vendor)  # in one payment
    await paying.approve(*bills)
    day = paying.shop.web.services.clock.now().date() + timedelta(days=5)
    wanted = {"account_id": paying.bank, "date": day.isoformat(), "combine_by_vendor": True, "confirm_similar": True}
    batch = await paying.post(
        "/payments/batch-execute", wanted | {"bills": [{"bill_id": bill["id"]} for bill in bills]}
    )
    assert batch.status_code in {200, 202}, batch.text
    (payment_id,) = (item["payment_id"] for item in batch.json()["data"]["items"])
    for bill in bills:
        record = paying.shop.company.stores["Bill"].records[bill["external_id"]]
        paying.shop.company.update("Bill", {**record.body, "DueDate": "2031-01-31"})
    await paying.shop.visitor.get("/bills", max_age=0)
    assert (await paying.shown(payment_id))["outcome"] == "held"
    found = (await paying.owner.get("/notices", open=True))["data"]
    told = [one for one in found if one["details"].get("bill_id") in {bill["id"] for bill in bills}]
    assert ["Its payment waits" in one["text"] for one in told] == [True, True]
    cancelled = await paying.post(f"/payments/{payment_id}/cancel")
    assert cancelled.json()["data"]["outcome"] == "cancelled"


async def test_what_is_recorded_by_us_is_no_bypass_and_what_is_recorded_there_is(paying: Paying) -> None:
    business_id = UUID(paying.shop.visitor.business_id)
    ours, theirs = await paying.approved(), next(paying.bills)
    async with paying.working():
        done = await paying.paid(ours)
    await paying.owner.ask("POST", f"/bills/{ours['id']}/unapprove")
    (body,) = paying.payments_of(ours)
    by_hand = {
        name: value for name, value in body.items() if name in {"VendorRef", "PayType", "CheckPayment", "TxnDate"}
    }
    by_hand |= {
        "VendorRef": {"value": theirs["vendor_external_id"]},
        "TotalAmt": 1,
        "PrivateNote": f"paid by hand {done['mark']}",  # a mark of ours, copied
        "Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": theirs["external_id"], "TxnType": "Bill"}]}],
    }
    record = paying.shop.company.create("BillPayment", by_hand)
    await paying.shop.visitor.get("/bills", max_age=0)
    await ApprovalWatch(paying.shop.web.services.uow, paying.shop.web.services.clock).look(business_id, {"BillPayment"})
    found = [one for one in (await paying.owner.get("/notices", open=True))["data"] if one["kind"] == "bypass"]
    assert [one["details"]["external_id"] for one in found] == [record.id]
