"""A company whose bills are paid through the API: who pays, which bills are still whole, and what QuickBooks has in the end."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, update

from domains.core.permissions import Role
from infra import exact_json
from infra.actions.models import ActionIntent
from infra.clock import SystemClock
from infra.ids import new_id
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.timestamps import PACIFIC
from tests.e2e.people import Browser, member
from tests.e2e.rest import Shop
from tests.e2e.worker import at_work

_SMALL = Decimal(10)
OVER = {"recorded", "not_recorded", "cancelled"}


def new_key() -> str:
    return str(new_id())


@dataclass
class Paying:
    """`owner` and `approver` may approve and pay; `bills` yields open ones that no test has had."""

    shop: Shop
    owner: Browser
    approver: Browser
    bookkeeper: Browser
    bills: Iterator[dict[str, Any]]
    invoices: Iterator[dict[str, Any]]
    of_one_vendor: Sequence[dict[str, Any]]
    bank: str
    card: str
    income: str
    today: date
    name: str

    def working(self) -> AbstractAsyncContextManager[None]:
        return at_work(self.shop.web, self.shop.visitor.business_id)

    async def approve(self, *bills: dict[str, Any], by: Browser | None = None) -> None:
        for bill in bills:
            answer = await (by or self.owner).ask(
                "POST", f"/bills/{bill['id']}/approve", json={"duplicate_reason": "test"}
            )
            assert answer.status_code == 200, answer.text

    async def approved(self) -> dict[str, Any]:
        bill = next(self.bills)
        await self.approve(bill)
        return bill

    async def pay(
        self, bill: dict[str, Any], *, by: Browser | None = None, key: str | None = None, **body: Any
    ) -> httpx.Response:
        asked = {"account_id": self.bank, "confirm_similar": True, **body}
        return await (by or self.owner).ask(
            "POST", f"/bills/{bill['id']}/pay", json=asked, headers={"Idempotency-Key": key or new_key()}
        )

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, by: Browser | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or new_key()}
        return await (by or self.owner).ask("POST", path, json=body or {}, headers=headers)

    async def settled(self, payment_id: str) -> dict[str, Any]:
        """The payment once it is over."""
        async with asyncio.timeout(60):
            while True:
                shown = await self.shown(payment_id)
                if shown["outcome"] in OVER:
                    return shown
                await asyncio.sleep(0.02)

    async def verified(self, payment_id: str) -> dict[str, Any]:
        """The payment once it was read back, and what hangs on it is in our copy."""
        async with asyncio.timeout(60):
            while True:
                shown = await self.settled(payment_id)
                if shown["verified_at"] is not None:
                    return shown
                await asyncio.sleep(0.02)

    async def doubted(self, payment_id: str) -> dict[str, Any]:
        """The payment once a person must say what became of it. Looks follow at once, and not after their pauses."""
        async with asyncio.timeout(60):
            while (shown := await self.shown(payment_id))["outcome"] != "needs_review":
                await self.look_again(payment_id)
                await asyncio.sleep(0.05)
            return shown

    async def shown(self, payment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.owner.get(f"/payments/{payment_id}"))["data"]
        return found

    async def paid(self, bill: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Paid, recorded and read back."""
        answer = await self.pay(bill, **body)
        assert answer.status_code in {200, 202}, answer.text
        done = await self.settled(answer.json()["data"]["id"])
        assert done["outcome"] == "recorded", done
        return await self.verified(done["id"])

    async def visited(self, path: str, **query: str) -> dict[str, Any]:
        """The first of a list."""
        first: dict[str, Any] = (await self.owner.get(path, **query))["data"][0]
        return first

    def payments_of(self, bill: dict[str, Any]) -> list[Body]:
        """What is true: QuickBooks' payments that are linked to the bill."""
        return [
            body
            for body in self.shop.bodies("BillPayment")
            if any(
                link["TxnId"] == bill["external_id"] and link["TxnType"] == "Bill"
                for line in body.get("Line", [])
                for link in line["LinkedTxn"]
            )
        ]

    def customer_pays(self, invoice: dict[str, Any]) -> None:
        """In QuickBooks, and unknown to us."""
        company, external_id = self.shop.company, invoice["external_id"]
        held = company.get("Invoice", external_id).body
        line = {"Amount": held["Balance"], "LinkedTxn": [{"TxnId": external_id, "TxnType": "Invoice"}]}
        company.create("Payment", {"CustomerRef": held["CustomerRef"], "TotalAmt": held["Balance"], "Line": [line]})

    def somebody_edits(self, entity: str, document: dict[str, Any], **changes: Any) -> None:
        """In QuickBooks, and unknown to us."""
        held = self.shop.company.get(entity, document["external_id"]).body
        self.shop.company.update(entity, {**held, **changes})

    def somebody_deletes(self, entity: str, external_id: str) -> None:
        """In QuickBooks, and unknown to us."""
        held = self.shop.company.get(entity, external_id).body
        self.shop.company.delete(entity, {"Id": external_id, "SyncToken": held["SyncToken"]})

    async def look_again(self, payment_id: str) -> None:
        """The next look at what was recorded, which would come in two minutes."""
        services, business_id = self.shop.web.services, UUID(self.shop.visitor.business_id)
        async with services.uow([business_id]) as uow:
            is_this = (ActionIntent.business_id == business_id) & (ActionIntent.id == UUID(payment_id))
            await uow.session.execute(update(ActionIntent).where(is_this).values(due_at=func.clock_timestamp()))
        await services.actions.work(business_id, UUID(payment_id))

    def balance_of(self, entity: str, external_id: str) -> Decimal:
        (body,) = [body for body in self.shop.bodies(entity) if body["Id"] == external_id]
        return Decimal(str(body["Balance"]))


def paying_company() -> CompanyFile:
    """Small, so that it is read quickly, with bills for every test."""
    size = LargeCompany(bills=90, invoices=30, vendors=6, customers=6, months=4)
    return generate_large(size, today=SystemClock().now().astimezone(PACIFIC).date())


async def open_paying(shop: Shop) -> Paying:
    """With the company connected and read."""
    await shop.read_books()
    business_id = UUID(shop.visitor.business_id)
    owner = await member(shop.web, business_id, Role.OWNER)
    listed = await shop.visitor.every("/bills", status="open")
    bills = [bill for bill in listed if bill["balance"] == bill["total"] and Decimal(bill["total"]) > _SMALL]
    pair = _pair(bills)
    (business,) = [one for one in (await owner.get("/businesses"))["data"] if one["id"] == str(business_id)]
    accounts = await shop.visitor.every("/accounts")
    kinds = {account["account_type"]: account for account in accounts if account["is_active"]}
    return Paying(
        shop,
        owner=owner,
        approver=await member(shop.web, business_id, Role.APPROVER),
        bookkeeper=await member(shop.web, business_id, Role.BOOKKEEPER),
        bills=iter([bill for bill in bills if bill not in pair]),
        invoices=iter(await shop.visitor.every("/invoices", status="open")),
        of_one_vendor=pair,
        bank=kinds["Bank"]["id"],
        card=kinds["Credit Card"]["external_id"],
        income=kinds["Income"]["id"],
        today=shop.company.today(),
        name=business["name"],
    )


def _pair(bills: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Two bills of one vendor."""
    of_vendor: dict[str, list[dict[str, Any]]] = {}
    for bill in bills:
        of_vendor.setdefault(bill["vendor_external_id"], []).append(bill)
    return next(held[:2] for held in of_vendor.values() if len(held) > 1)


def events_of(text: str) -> list[dict[str, Any]]:
    """The data of server-sent events."""
    return [exact_json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
