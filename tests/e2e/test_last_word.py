"""A payment whose day has come, or that was clicked twice: what has changed since is seen just before QuickBooks is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, update

from domains.core.asking import Asking, find_asked
from infra.actions.models import ActionIntent
from runway.orchestrators import paying_batches, paying_bills
from tests.e2e.paying import Paying, new_key, open_paying, paying_company
from tests.e2e.rest import assert_problem, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paying(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Paying]:
    home = tmp_path_factory.mktemp("last-word")
    async with open_shop(database, module_redis_url, home=home, files=[paying_company()]) as shop:
        yield await open_paying(shop)


async def scheduled(paying: Paying, bill: dict[str, Any], **body: Any) -> str:
    day = paying.shop.web.services.clock.now().date() + timedelta(days=5)
    shown = (await paying.pay(bill, on=day.isoformat(), **body)).json()["data"]
    assert shown["outcome"] == "scheduled"
    payment_id: str = shown["id"]
    return payment_id


async def intent_of(paying: Paying, payment_id: str, **values: Any) -> ActionIntent:
    business_id = UUID(paying.shop.visitor.business_id)
    is_this = (ActionIntent.business_id == business_id) & (ActionIntent.id == UUID(payment_id))
    async with paying.shop.web.services.uow([business_id]) as uow:
        changed = update(ActionIntent).where(is_this).values(**values).returning(ActionIntent)
        return (await uow.session.scalars(changed)).one()


async def its_day_comes(paying: Paying, payment_id: str) -> dict[str, Any]:
    await intent_of(paying, payment_id, due_at=func.clock_timestamp())
    await paying.shop.web.services.actions.work(UUID(paying.shop.visitor.business_id), UUID(payment_id))
    return await paying.shown(payment_id)


async def set_policy(paying: Paying, **policy: Any) -> None:
    asked = {"needed_from": "0", "two_people_above": None, "payer_may_be_only_approver": True, **policy}
    assert (await paying.owner.ask("PUT", "/approval-policy", json=asked)).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"DueDate": "2031-01-31"}, {"RemitToAddr": {"Line1": "1 Other Street", "City": "Reno"}}]
)
async def test_an_edit_that_nobody_has_seen_yet_opens_the_approval_again_instead_of_paying(
    paying: Paying, changes: dict[str, Any]
) -> None:
    bill = await paying.approved()
    payment_id = await scheduled(paying, bill)
    paying.somebody_edits("Bill", bill, **changes)
    shown = await its_day_comes(paying, payment_id)
    assert (shown["outcome"], shown["may"]) == ("held", ["execute", "cancel"])
    assert "was changed in QuickBooks after it was approved" in shown["words"]
    assert paying.payments_of(bill) == []
    assert (await paying.owner.get(f"/bills/{bill['id']}"))["data"]["approval"]["status"] == "waiting"
    notices = (await paying.owner.get("/notices", open=True))["data"]
    (told,) = [one for one in notices if one["details"].get("bill_id") == bill["id"]]
    assert "Its payment waits" in told["text"]
    refused = assert_problem(await paying.post(f"/payments/{payment_id}/execute"), 409, "conflict")
    assert refused["code"] == "not_approved" or "approve" in refused["detail"]
    await paying.approve(bill)
    async with paying.working():
        for _ in range(2):  # first to its day, then at once
            assert (await paying.post(f"/payments/{payment_id}/execute")).status_code in {200, 202}
        assert (await paying.settled(payment_id))["outcome"] == "recorded"
    assert len(paying.payments_of(bill)) == 1


async def test_a_stricter_policy_counts_for_what_waits(paying: Paying) -> None:
    await set_policy(paying, needed_from="1000000")
    bill = next(paying.bills)
    payment_id = await scheduled(paying, bill)
    await set_policy(paying)
    shown = await its_day_comes(paying, payment_id)
    assert (shown["outcome"], "is not approved yet" in shown["words"]) == ("held", True)
    assert paying.payments_of(bill) == []


async def test_whoever_let_it_go_counts_as_the_second_person(paying: Paying) -> None:
    alone, released = await paying.approved(), await paying.approved()
    waiting = [await scheduled(paying, bill) for bill in (alone, released)]
    try:
        await set_policy(paying, payer_may_be_only_approver=False)
        shown = await its_day_comes(paying, waiting[0])
        assert (shown["outcome"], "approved by nobody but" in shown["words"]) == ("held", True)
        async with paying.working():
            answer = await paying.post(f"/payments/{waiting[1]}/execute", by=paying.approver)
            assert answer.status_code in {200, 202}, answer.text
            assert (await paying.settled(waiting[1]))["outcome"] == "recorded"
    finally:
        await set_policy(paying)
    assert [len(paying.payments_of(bill)) for bill in (alone, released)] == [0, 1]


async def test_an_account_out_of_use_or_closed_books_end_it_before_quickbooks_is_told(paying: Paying) -> None:
    company = paying.shop.company
    spare = company.create("Account", {"Name": "Spare", "AccountType": "Bank", "AccountSubType": "Checking"})
    await paying.shop.visitor.get("/accounts", max_age=0)
    bill, other = await paying.approved(), await paying.approved()
    from_spare, into_the_past = await scheduled(paying, bill, account_id=spare.id), await scheduled(paying, other)
    company.update("Account", {**company.get("Account", spare.id).body, "Active": False})
    await paying.shop.visitor.get("/accounts", max_age=0)
    shown = await its_day_comes(paying, from_spare)
    assert (shown["outcome"], shown["reason"]["code"]) == ("not_recorded", "account_unusable")
    assert "Spare" in shown["words"]
    assert "inactive in QuickBooks" in shown["words"]
    assert (await paying.pay(bill)).status_code in {200, 202}  # it is free again

    async def close_books(through: str | None) -> None:
        (held,) = paying.shop.bodies("Preferences")
        accounting = {**held["AccountingInfoPrefs"], "BookCloseDate": through}
        if through is None:
            accounting.pop("BookCloseDate")
        company.update("Preferences", {**held, "AccountingInfoPrefs": accounting})
        await paying.shop.visitor.get("/accounts", max_age=0)

    await close_books("2099-12-31")
    try:
        shown = await its_day_comes(paying, into_the_past)
    finally:
        await close_books(None)
    assert (shown["outcome"], shown["reason"]["code"]) == ("not_recorded", "books_closed")
    assert "closed through 2099-12-31" in shown["words"]
    assert paying.payments_of(other) == []


async def test_a_second_click_that_looks_before_the_first_is_there_gets_the_first(
    paying: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill, key = await paying.approved(), new_key()
    first = (await paying.pay(bill, key=key, amount="3.21", confirm_similar=False)).json()["data"]
    looked: list[Asking] = []

    async def too_early(session: Any, business_id: UUID, operation: str, asking: Asking) -> ActionIntent | None:
        looked.append(asking)
        return None if len(looked) == 1 else await find_asked(session, business_id, operation, asking)

    monkeypatch.setattr(paying_bills, "find_asked", too_early)
    second = await paying.pay(bill, key=key, amount="3.21", confirm_similar=False)
    assert (second.status_code, second.json()["data"]["id"], len(looked)) == (202, first["id"], 2)
    monkeypatch.undo()
    async with paying.working():
        assert (await paying.settled(first["id"]))["outcome"] == "recorded"


async def like_bills(paying: Paying, count: int) -> list[dict[str, Any]]:
    """Of one vendor and one amount, and approved."""
    held = paying.shop.company.get("Bill", next(paying.bills)["external_id"]).body
    lines = [{name: value for name, value in line.items() if name != "Id"} for line in held["Line"]]
    made = [
        paying.shop.company.create(
            "Bill", {"VendorRef": held["VendorRef"], "Line": lines, "TxnDate": held["TxnDate"], "DueDate": f"2031-02-0{n}"}
        ).id
        for n in range(1, count + 1)
    ]  # fmt: skip
    await paying.shop.visitor.get("/bills", max_age=0)
    bills = [bill for bill in await paying.shop.visitor.every("/bills", status="open") if bill["external_id"] in made]
    assert len(bills) == count
    await paying.approve(*bills)
    return bills


async def test_like_payments_of_one_batch_are_asked_about_as_single_ones_are(
    paying: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills, key = await like_bills(paying, 3), new_key()
    wanted = {"account_id": paying.bank, "bills": [{"bill_id": bill["id"]} for bill in bills]}
    told = (await paying.post("/payments/batch-execute", wanted, key=key)).json()["data"]
    assert (told["accepted"], told["refused"]) == (1, 2)
    assert {item["refusal"]["code"] for item in told["items"] if item["refusal"]} == {"confirm_similar"}
    (first,) = [item for item in told["items"] if item["payment"]]

    known, calls = paying_batches._known, []  # noqa: SLF001 - the moment before the first click was there

    async def too_early(*arguments: Any) -> Any:
        calls.append(arguments)
        return [] if len(calls) == 1 else await known(*arguments)

    monkeypatch.setattr(paying_batches, "_known", too_early)
    again = (await paying.post("/payments/batch-execute", wanted, key=key)).json()["data"]
    assert [item["payment_id"] for item in again["items"] if item["payment"]] == [first["payment_id"]]
    assert (again["accepted"], again["refused"]) == (1, 2)
    monkeypatch.undo()
    left = [bill for bill in bills if bill["id"] not in first["bill_ids"]]
    confirmed = {**wanted, "bills": [{"bill_id": bill["id"]} for bill in left], "confirm_similar": True}
    async with paying.working():
        told = (await paying.post("/payments/batch-execute", confirmed)).json()["data"]
        assert (told["accepted"], told["refused"]) == (2, 0)
        for item in [first, *told["items"]]:
            assert (await paying.settled(item["payment_id"]))["outcome"] == "recorded"
    assert [len(paying.payments_of(bill)) for bill in bills] == [1, 1, 1]


async def test_the_same_key_tells_the_same_though_its_account_is_gone_since(paying: Paying) -> None:
    company, invoice, key = paying.shop.company, next(paying.invoices), new_key()
    body = {"AccountType": "Bank", "AccountSubType": "Checking"}
    pays, takes = (
        company.create("Account", {"Name": "Pays", **body}),
        company.create("Account", {"Name": "Takes", **body}),
    )
    await paying.shop.visitor.get("/accounts", max_age=0)
    bill = await paying.approved()
    batch = {"account_id": pays.id, "bills": [{"bill_id": bill["id"]}], "confirm_similar": True}
    receipt = {"amount": "1.00", "date": paying.today.isoformat(), "deposit_to": takes.id}

    async def ask() -> list[str]:
        told = (await paying.post("/payments/batch-execute", batch, key=key)).json()["data"]
        received = await paying.post(
            f"/invoices/{invoice['id']}/record-payment", receipt, by=paying.bookkeeper, key=key
        )
        return [told["items"][0]["payment_id"], received.json()["data"]["id"]]

    async with paying.working():
        asked = await ask()
        for payment_id in asked:
            assert (await paying.settled(payment_id))["outcome"] == "recorded"
    for account in (pays, takes):
        company.update("Account", {**company.get("Account", account.id).body, "Active": False})
    await paying.shop.visitor.get("/accounts", max_age=0)
    assert await ask() == asked
    assert Decimal(str(paying.payments_of(bill)[0]["TotalAmt"])) == Decimal(bill["balance"])
