"""Refusals in words, batches, two people, and getting paid: the application, the simulator as QuickBooks, and a worker between."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select

from domains.core.permissions import Role
from infra.ids import new_id
from infra.mail.models import Mail
from tests.e2e.paying import Paying, new_key, open_paying, paying_company
from tests.e2e.people import member, open_business
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


async def test_every_refusal_says_what_to_do(paying: Paying) -> None:
    bill, unapproved = await paying.approved(), next(paying.bills)
    far = (paying.today + timedelta(days=400)).isoformat()
    refusals = [
        (await paying.pay(unapproved), 409, "not_approved", "not approved yet"),
        (await paying.pay(bill, amount="999999.99"), 409, "more_than_open", "Pay that or less"),
        (await paying.pay(bill, account_id=str(new_id())), 409, "account_unusable", "no such account"),
        (await paying.pay(bill, account_id=paying.income), 409, "account_unusable", "only bank accounts and credit"),
        (await paying.pay(bill, on=paying.today.isoformat()), 400, "day_reversed", "after today"),
        (await paying.pay(bill, on=far), 400, "day_too_far", "366 days"),
        (
            await paying.pay(bill, credits=[{"vendor_credit_id": str(new_id()), "amount": 1}]),
            404,
            "credit_not_found",
            "",
        ),
        (await paying.pay({"id": str(new_id())}), 404, None, "no bill"),
    ]
    for answer, status, code, words in refusals:
        assert answer.status_code == status, answer.text
        assert answer.json().get("code") == code, answer.text
        assert words in answer.json()["detail"]
    assert paying.payments_of(bill) == []


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "1e30", True])
async def test_an_amount_is_money(paying: Paying, amount: Any) -> None:
    assert_problem(await paying.pay({"id": str(new_id())}, amount=amount), 422, "malformed-request")


@pytest.mark.parametrize("key", [None, "short", "x" * 65, "with space in the key"])
async def test_a_key_is_needed(paying: Paying, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await paying.owner.ask("POST", f"/bills/{new_id()}/pay", json={"account_id": paying.bank}, headers=headers)
    assert_problem(answer, 422, "malformed-request")


async def test_a_limit_binds_who_pays(paying: Paying) -> None:
    bill = await paying.approved()
    business_id = UUID(paying.shop.visitor.business_id)
    careful = await member(paying.shop.web, business_id, Role.APPROVER, limit=Decimal(1))
    refused = assert_problem(await paying.pay(bill, by=careful), 403, "forbidden")
    assert refused["code"] == "above_release_limit"
    async with paying.working():
        done = await paying.paid(bill)
    voided = await paying.post(f"/payments/{done['id']}/void", by=careful)
    assert assert_problem(voided, 403, "forbidden")["code"] == "above_limit"


async def test_the_same_amount_to_the_same_vendor_is_asked_about(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        await paying.paid(bill, amount="1.25")
        asked = assert_problem(await paying.pay(bill, amount="1.25", confirm_similar=False), 409, "conflict")
        assert asked["code"] == "confirm_similar"
        again = await paying.paid(bill, amount="1.25", confirm_similar=True)
    assert len(paying.payments_of(bill)) == 2
    steps = (await paying.owner.get(f"/payments/{again['id']}/trail"))["data"]["steps"]
    requested = next(step for step in steps if step["event"] == "requested")
    assert requested["details"]["facts"]["confirmed_similar_to"]["payment"]


async def test_a_payment_from_a_card_with_a_real_number(paying: Paying) -> None:
    bill = await paying.approved()
    async with paying.working():
        await paying.paid(bill, account_id=paying.card, check_number="10423")
    (payment,) = paying.payments_of(bill)
    assert (payment["PayType"], payment["DocNumber"]) == ("CreditCard", "10423")


async def test_many_bills_in_one_call_each_told_of(paying: Paying) -> None:
    bills = [await paying.approved() for _ in range(4)]
    unapproved, key = next(paying.bills), new_key()
    body: dict[str, Any] = {
        "bills": [{"bill_id": bill["id"]} for bill in [*bills, unapproved, bills[0]]],
        "account_id": paying.bank,
        "confirm_similar": True,
    }
    async with paying.working():
        first = await paying.post("/payments/batch-execute", body, key=key)
        assert first.status_code == 202, first.text
        told = first.json()["data"]
        assert (told["accepted"], told["refused"]) == (4, 2)
        assert {item["refusal"]["code"] for item in told["items"] if item["refusal"]} == {
            "not_approved",
            "listed_twice",
        }
        ids = {item["payment_id"] for item in told["items"] if item["payment"]}
        for payment_id in ids:
            assert (await paying.settled(payment_id))["outcome"] == "recorded"
        again = (await paying.post("/payments/batch-execute", body, key=key)).json()["data"]
        assert {item["payment_id"] for item in again["items"] if item["payment"]} == ids
        other = await paying.post("/payments/batch-execute", body | {"bills": body["bills"][:1]}, key=key)
        assert_problem(other, 422, "key-used-for-other")
    assert [len(paying.payments_of(bill)) for bill in bills] == [1, 1, 1, 1]


async def test_a_vendors_bills_in_one_payment(paying: Paying) -> None:
    one, two = paying.of_one_vendor
    await paying.approve(one, two)
    bills = [{"bill_id": one["id"]}, {"bill_id": two["id"], "amount": "1.00"}]
    async with paying.working():
        wanted = {"bills": bills, "account_id": paying.bank, "combine_by_vendor": True, "confirm_similar": True}
        answer = await paying.post("/payments/batch-execute", wanted)
        (item,) = answer.json()["data"]["items"]
        assert set(item["bill_ids"]) == {one["id"], two["id"]}
        await paying.settled(item["payment_id"])
    (payment,) = paying.payments_of(one)
    assert paying.payments_of(two) == [payment]
    assert Decimal(str(payment["TotalAmt"])) == Decimal(one["balance"]) + 1


async def test_payments_that_wait_are_executed_together(paying: Paying) -> None:
    held = [(await paying.pay(await paying.approved(), execute=False)).json()["data"]["id"] for _ in range(2)]
    async with paying.working():
        answer = await paying.post("/payments/batch-execute", {"payment_ids": [*held, str(new_id())]})
        told = answer.json()["data"]
        assert (told["accepted"], told["refused"]) == (2, 1)
        for payment_id in held:
            assert (await paying.settled(payment_id))["outcome"] == "recorded"
    listed = (await paying.owner.get("/actions", operation="pay_bills", open="false", limit=2))["data"]
    assert [row["outcome"] for row in listed] == ["recorded", "recorded"]


async def test_where_two_people_are_needed_one_is_not_enough(paying: Paying) -> None:
    bill = next(paying.bills)
    policy = {"needed_from": "0", "two_people_above": "0.50"}
    assert (await paying.owner.ask("PUT", "/approval-policy", json=policy)).status_code == 200
    try:
        await paying.approve(bill)
        await paying.approve(bill, by=paying.approver)
        async with paying.working():
            await paying.paid(bill)
    finally:
        relaxed = {"needed_from": "0", "two_people_above": None}
        assert (await paying.owner.ask("PUT", "/approval-policy", json=relaxed)).status_code == 200


async def test_who_approved_alone_waits_for_another_to_release(paying: Paying) -> None:
    bill = next(paying.bills)
    strict = {"needed_from": "0", "two_people_above": None, "payer_may_be_only_approver": False}
    assert (await paying.owner.ask("PUT", "/approval-policy", json=strict)).status_code == 200
    try:
        await paying.approve(bill)
        async with paying.working():
            shown = (await paying.pay(bill)).json()["data"]
            assert shown["outcome"] == "waits_for_second_person"
            mine = assert_problem(await paying.post(f"/payments/{shown['id']}/execute"), 409, "conflict")
            assert mine["code"] == "payer_is_only_approver"
            assert paying.payments_of(bill) == []
            released = await paying.post(f"/payments/{shown['id']}/execute", by=paying.approver)
            assert released.status_code in {200, 202}, released.text
            await paying.settled(shown["id"])
    finally:
        relaxed = {"needed_from": "0", "two_people_above": None, "payer_may_be_only_approver": True}
        assert (await paying.owner.ask("PUT", "/approval-policy", json=relaxed)).status_code == 200
    assert len(paying.payments_of(bill)) == 1


async def test_a_customers_payment_is_recorded(paying: Paying) -> None:
    invoice = next(paying.invoices)
    body = {"amount": "1.50", "date": paying.today.isoformat(), "deposit_to": paying.bank, "reference": "4711"}
    async with paying.working():
        answer = await paying.post(f"/invoices/{invoice['id']}/record-payment", body, by=paying.bookkeeper)
        assert answer.status_code in {200, 202}, answer.text
        done = await paying.verified(answer.json()["data"]["id"])
    assert done["outcome"] == "recorded"
    rest = Decimal(invoice["balance"]) - Decimal("1.50")
    assert paying.balance_of("Invoice", invoice["external_id"]) == rest
    shown = (await paying.owner.get(f"/invoices/{invoice['id']}"))["data"]
    assert Decimal(shown["balance"]) == rest
    refused = await paying.post(f"/invoices/{invoice['id']}/record-payment", body | {"amount": "999999"})
    assert assert_problem(refused, 409, "conflict")["code"] == "more_than_open"
    tomorrow = (paying.today + timedelta(days=2)).isoformat()
    early = await paying.post(f"/invoices/{invoice['id']}/record-payment", body | {"date": tomorrow})
    assert assert_problem(early, 400, "invalid-input")["code"] == "not_received_yet"


@pytest.mark.parametrize("through", ["qbo", "mail"])
async def test_nobody_who_has_paid_is_reminded(paying: Paying, through: str) -> None:
    invoice = next(paying.invoices)
    paying.customer_pays(invoice)
    async with paying.working():
        answer = await paying.post(
            f"/invoices/{invoice['id']}/send-reminder",
            {"through": through, "to": "a@example.com"},
            by=paying.bookkeeper,
        )
        assert answer.status_code in {200, 202}, answer.text
        done = await paying.settled(answer.json()["data"]["id"])
    assert (done["outcome"], done["reason"]["code"]) == ("not_recorded", "paid")
    assert "paid meanwhile" in done["words"]


async def test_a_reminder_by_our_own_mail_is_one_letter(paying: Paying) -> None:
    invoice, key = next(paying.invoices), new_key()
    address = f"{new_id()}@example.com"
    path = f"/invoices/{invoice['id']}/send-reminder"
    async with paying.working():
        answers = [
            await paying.post(path, {"through": "mail", "to": address}, by=paying.bookkeeper, key=key) for _ in range(2)
        ]
        (payment_id,) = {answer.json()["data"]["id"] for answer in answers}
        done = await paying.settled(payment_id)
    assert done["outcome"] == "recorded"
    other = await paying.post(path, {"through": "qbo", "to": address}, by=paying.bookkeeper, key=key)
    assert_problem(other, 422, "key-used-for-other")
    async with paying.shop.web.services.access_uow([]) as uow:
        letters = (await uow.session.scalars(select(Mail).where(Mail.recipient == address))).all()
    assert [letter.subject for letter in letters] == [f"Reminder: Invoice {invoice['doc_number']} from {paying.name}"]


async def test_a_reminder_through_quickbooks(paying: Paying) -> None:
    invoice = next(paying.invoices)
    async with paying.working():
        answer = await paying.post(f"/invoices/{invoice['id']}/send-reminder", {"to": "b@example.com"})
        done = await paying.settled(answer.json()["data"]["id"])
    assert done["outcome"] == "recorded"
    (body,) = [body for body in paying.shop.bodies("Invoice") if body["Id"] == invoice["external_id"]]
    assert (body["EmailStatus"], body["BillEmail"]["Address"]) == ("EmailSent", "b@example.com")


async def test_every_refusal_about_an_invoice_says_what_to_do(paying: Paying) -> None:
    invoice, paid = next(paying.invoices), await paying.visited("/invoices", status="paid")
    path, today = f"/invoices/{invoice['id']}/record-payment", paying.today.isoformat()
    body = {"amount": "1.00", "date": today}
    refusals = [
        (await paying.post(path, body | {"deposit_to": str(new_id())}), 409, "account_unusable", "no such account"),
        (await paying.post(path, body | {"deposit_to": paying.income}), 409, "account_unusable", "of type Income"),
        (await paying.post(f"/invoices/{paid['id']}/record-payment", body), 409, "already_paid", "nothing is open"),
        (await paying.post(f"/invoices/{paid['id']}/send-reminder"), 409, "already_paid", "nothing is open"),
        (await paying.post(f"/invoices/{new_id()}/send-reminder"), 404, None, "no invoice"),
    ]
    for answer, status, code, words in refusals:
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        assert words in answer.json()["detail"]
    first = await paying.post(path, body)
    busy = assert_problem(await paying.post(path, body), 409, "conflict")
    assert (busy["code"], busy["detail"].endswith(f"{first.json()['data']['id']}.")) == ("in_use", True)
    async with paying.working():
        assert (await paying.settled(first.json()["data"]["id"]))["outcome"] == "recorded"


async def test_what_another_business_asked_for_is_not_found(paying: Paying) -> None:
    payment_id = (await paying.owner.get("/actions", limit=1))["data"][0]["id"]
    stranger = await member(paying.shop.web, await open_business(paying.shop.web), Role.OWNER)
    for path in ("", "/trail", "/events"):
        assert_problem(await stranger.ask("GET", f"/payments/{payment_id}{path}"), 404, "not-found")
    for verb in ("execute", "cancel"):
        assert_problem(await paying.post(f"/payments/{payment_id}/{verb}", by=stranger), 404, "not-found")
    assert_problem(await paying.post(f"/payments/{payment_id}/void", {}, by=stranger), 404, "not-found")
    assert_problem(await paying.post(f"/payments/{payment_id}/review", {"found": "1"}, by=stranger), 404, "not-found")
