"""Approving over HTTP: who may, up to what, on which figures, and what becomes of it when QuickBooks is away or the bill is edited."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx

from domains.core.permissions import Role
from tests.e2e.people import Browser, join, member, sign_up
from tests.e2e.rest import Shop, assert_problem


async def people(shop: Shop) -> tuple[Browser, Browser]:
    """An owner without a limit, and an approver who may approve up to a dollar."""
    business_id = UUID(shop.visitor.business_id)
    owner = await member(shop.web, business_id, Role.OWNER)
    return owner, await member(shop.web, business_id, Role.APPROVER, limit=Decimal(1))


async def post(browser: Browser, path: str, **body: Any) -> httpx.Response:
    return await browser.ask("POST", path, json=body)


async def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def unlike(shop: Shop, owner: Browser) -> dict[str, Any]:
    """An open bill that looks like no other."""
    for bill in await shop.visitor.every("/bills"):
        answer = await post(owner, f"/bills/{bill['id']}/approve")
        if answer.status_code == 200:
            await done(await post(owner, f"/bills/{bill['id']}/unapprove"))
            found: dict[str, Any] = (await shop.visitor.get(f"/bills/{bill['id']}"))["data"]
            return found
    raise AssertionError("every bill of the company looks like another")


def edit(shop: Shop, external_id: str, **fields: Any) -> None:
    """As another user of QuickBooks does."""
    shop.company.update("Bill", {**shop.company.stores["Bill"].records[external_id].body, **fields})


async def test_a_bill_is_approved_shown_and_withdrawn_while_quickbooks_is_away(shop: Shop) -> None:
    await shop.read_books()
    owner, approver = await people(shop)
    bill = await unlike(shop, owner)
    await shop.stop_quickbooks()
    path = f"/bills/{bill['id']}"
    assert (bill["approval"]["status"], bill["approval"]["approvals"]) == ("waiting", [])
    assert_problem(await post(approver, f"{path}/approve"), 403, "forbidden")
    seen = {"amount": bill["total"], "due_on": bill["due_on"], "fingerprint": bill["approval"]["fingerprint"]}
    for _ in range(2):
        answer = await post(owner, f"{path}/approve", seen=seen)
        approved = await done(answer)
        assert (approved["status"], [one["user_id"] for one in approved["approvals"]]) == (
            "approved",
            [str(owner.user_id)],
        )
        assert answer.json()["freshness"]["source"] == "mirror"
        assert answer.json()["freshness"]["calls_spent"] == 0
    shown = (await shop.visitor.get(path))["data"]["approval"]
    assert shown == {name: approved[name] for name in shown}
    history = (await shop.visitor.get(f"{path}/history"))["data"]
    assert [one["transaction_type"] for one in history[-3:]] == ["approved", "unapproved", "approved"]
    waiting = await done(await post(owner, f"{path}/unapprove"))
    assert (waiting["status"], waiting["approvals"]) == ("waiting", [])


async def test_every_refusal_has_its_name_and_a_sentence(shop: Shop) -> None:
    await shop.read_books()
    owner, approver = await people(shop)
    bill = await unlike(shop, owner)
    path = f"/bills/{bill['id']}/approve"
    refused = assert_problem(await post(owner, path, seen={"amount": "0.01"}), 409, "conflict")
    assert (refused["code"], list(refused["changed"])) == ("not_as_seen", ["amount"])
    assert assert_problem(await post(approver, path), 403, "forbidden")["code"] == "above_approval_limit"
    paid = (await shop.visitor.get("/bills", status="paid", limit=1))["data"][0]
    assert assert_problem(await post(owner, f"/bills/{paid['id']}/approve"), 409, "conflict")["code"] == "already_paid"
    assert_problem(await post(owner, f"/bills/{uuid4()}/approve"), 404, "not-found")
    assert_problem(await post(owner, path, seen={"total": "1.00"}), 422, "malformed-request")
    assert (
        assert_problem(await post(owner, path, duplicate_reason=" "), 400, "invalid-input")["code"]
        == "duplicate_reason_empty"
    )
    viewer = await member(shop.web, UUID(shop.visitor.business_id), Role.VIEWER)
    assert_problem(await post(viewer, path), 403, "forbidden")
    bare = await join(await sign_up(shop.web, has_factor=False), UUID(shop.visitor.business_id), Role.OWNER)
    assert "second factor" in assert_problem(await post(bare, path), 403, "forbidden")["detail"]


async def test_a_duplicate_is_named_and_approved_when_somebody_says_why(shop: Shop) -> None:
    await shop.read_books()
    owner, _ = await people(shop)
    bill = await unlike(shop, owner)
    twin = dict(bill["payload"])
    number = "INV-4711"
    edit(shop, bill["external_id"], DocNumber=number)
    fields = ("VendorRef", "Line", "TxnDate", "DueDate", "CurrencyRef")
    body = {name: twin[name] for name in fields if name in twin} | {"DocNumber": "inv 4711"}
    twin_id = shop.company.create("Bill", body).id
    await shop.visitor.get("/bills", max_age=0)
    path = f"/bills/{bill['id']}/approve"
    refused = assert_problem(await post(owner, path), 409, "conflict")
    assert (refused["code"], [one["external_id"] for one in refused["duplicates"]]) == (
        "looks_like_duplicate",
        [twin_id],
    )
    assert "inv 4711" in refused["detail"]
    approved = await done(await post(owner, path, duplicate_reason="two deliveries"))
    assert [one["strength"] for one in approved["duplicates"]] == ["strong"]


async def test_an_edit_in_quickbooks_reopens_and_is_told(shop: Shop) -> None:
    await shop.read_books()
    owner, _ = await people(shop)
    bill = await unlike(shop, owner)
    path = f"/bills/{bill['id']}"
    await done(await post(owner, f"{path}/approve"))
    edit(shop, bill["external_id"], DueDate="2030-01-31")
    shown = (await shop.visitor.get(path, max_age=0))["data"]
    assert (shown["approval"]["status"], shown["approval"]["changed"]) == (
        "waiting",
        {"due_on": [bill["due_on"], "2030-01-31"]},
    )
    (notice,) = (await shop.visitor.get("/notices", open=True))["data"]
    assert (notice["kind"], notice["details"]["bill_id"]) == ("approval_reopened", bill["id"])
    history = (await shop.visitor.get(f"{path}/history"))["data"]
    assert history[-1]["transaction_type"] == "approval_reopened"


async def test_the_policy_is_set_by_those_who_may_and_decides(shop: Shop) -> None:
    await shop.read_books()
    owner, approver = await people(shop)
    policy = (await owner.get("/approval-policy"))["data"]
    assert (policy["version"], policy["needed_from"], policy["two_people_above"]) == (0, "0.00", None)
    bill = await unlike(shop, owner)
    path = f"/bills/{bill['id']}"
    assert_problem(await approver.ask("PUT", "/approval-policy", json={}), 403, "forbidden")
    wanted = {"two_people_above": "0.01", "payer_may_be_only_approver": False}
    for _ in range(2):
        set_now = await done(await owner.ask("PUT", "/approval-policy", json=wanted))
        assert (set_now["version"], set_now["two_people_above"]) == (1, "0.01")
    assert set_now["actor"] == f"user:{owner.user_id}"
    first = await done(await post(owner, f"{path}/approve"))
    assert (first["status"], first["needs_two"]) == ("waiting_for_second", True)
    second = await member(shop.web, UUID(shop.visitor.business_id), Role.APPROVER)
    assert (await done(await post(second, f"{path}/approve")))["status"] == "approved"
    refused = assert_problem(
        await owner.ask("PUT", "/approval-policy", json={"needed_from": "10", "two_people_above": "5"}),
        400,
        "invalid-input",
    )
    assert refused["code"] == "policy_contradicts"
    assert_problem(await owner.ask("PUT", "/approval-policy", json={"needed_from": "-1"}), 422, "malformed-request")


async def test_the_list_of_what_waits_holds_each_open_bill_once(shop: Shop) -> None:
    await shop.read_books()
    owner, _ = await people(shop)
    bill = await unlike(shop, owner)
    await done(await post(owner, f"/bills/{bill['id']}/approve"))
    waiting = await shop.visitor.every("/approvals", limit=3)
    open_bills = [one["id"] for one in await shop.visitor.every("/bills")]
    assert [one["id"] for one in waiting] == [one for one in open_bills if one != bill["id"]]
    approved = await shop.visitor.every("/approvals", status="approved")
    assert [(one["id"], one["approval"]["status"]) for one in approved] == [(bill["id"], "approved")]
    assert await shop.visitor.every("/approvals", status="not_needed") == []


async def test_notes_on_an_invoice_are_shown_with_it(shop: Shop) -> None:
    await shop.read_books()
    owner, approver = await people(shop)
    invoice = (await shop.visitor.get("/invoices", limit=1))["data"][0]
    path = f"/invoices/{invoice['id']}"
    day = "2999-01-31"
    promised = await done(await post(owner, f"{path}/promise", promised_on=day))
    assert (promised["state"], promised["amount"]) == ("open", invoice["balance"])
    disputed = await done(await post(owner, f"{path}/dispute", reason="two boxes were missing", amount="0.01"))
    noted = await done(await post(owner, f"{path}/write-off-note", reason="bankrupt"))
    shown = (await shop.visitor.get(path))["data"]["notes"]
    assert [one["id"] for one in shown] == [noted["id"], disputed["id"], promised["id"]]
    closed = await done(await post(owner, f"{path}/dispute/close", because="credited"))
    assert (closed["state"], closed["closed_because"]) == ("closed", "credited")
    for kind in ("promise", "write-off-note"):
        assert (await done(await post(owner, f"{path}/{kind}/close")))["state"] == "closed"
    past = assert_problem(await post(owner, f"{path}/promise", promised_on="2001-01-01"), 400, "invalid-input")
    assert past["code"] == "promise_in_past"
    assert_problem(await post(approver, f"{path}/promise", promised_on=day), 403, "forbidden")
    types = [one["transaction_type"] for one in (await shop.visitor.get(f"{path}/history"))["data"]][-6:]
    assert types == [
        "promise_noted", "dispute_opened", "write_off_noted", "dispute_closed", "promise_closed", "write_off_note_closed",
    ]  # fmt: skip
