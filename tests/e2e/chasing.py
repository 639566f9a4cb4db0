"""A small company whose customers are reminded: what they owe, what is asked for, and the letters as files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import connect
from sqlalchemy import select

from infra.actions.states import ActionState
from infra.ids import new_id
from infra.mail.models import Mail
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.timestamps import PACIFIC
from tests.e2e.paying import new_key
from tests.e2e.people import Browser
from tests.e2e.rest import Shop
from tests.e2e.worker import at_work
from tests.rig import Database
from tests.unit.infra.qbo.simulator.small_company import invoice, payment

ALWAYS = {"is_on": True, "send_from": 0, "send_until": 24, "on_weekends": True}
LEVELS = [{"days": -3}, {"days": 2}, {"days": 10, "tone": "firm"}]
OURS = {"sender_name": "Small Works, accounts", "reply_to": "accounts@smallworks.example"}


class Killed(BaseException):
    """As a process that is gone: nothing of ours catches it."""


def dies_at(point: str, number: int = 1) -> Callable[[str], None]:
    """The time that it comes there."""
    left = number

    def die(name: str) -> None:
        nonlocal left
        left -= name == point
        if name == point and left == 0:
            raise Killed

    return die


@dataclass
class Desk:
    """Each test has customers of its own; whoever else is due is reminded by the same run."""

    shop: Shop
    owner: Browser
    bookkeeper: Browser
    database: Database
    home: Path

    @property
    def business_id(self) -> UUID:
        return UUID(self.shop.visitor.business_id)

    @property
    def today(self) -> date:
        """The business's."""
        return self.shop.web.services.clock.now().astimezone(PACIFIC).date()

    def customer(self, name: str) -> str:
        return self.shop.company.create("Customer", {"DisplayName": f"{name} {new_id()}"}).id

    def owes(self, customer: str, *, over: int, amount: str = "100.00", email: str | None = None) -> Record:
        """In QuickBooks, and unknown to us until it is read."""
        due = self.today - timedelta(days=over)
        address = {"Address": email or f"{customer}@customer.example"}
        issued = min(due, self.today) - timedelta(days=30)
        more = {"DueDate": due.isoformat(), "TxnDate": issued.isoformat(), "DocNumber": f"N{new_id().hex[-8:]}"}
        return self.shop.company.create("Invoice", invoice(amount, customer=customer, BillEmail=address, **more))

    async def pays(self, record: Record, *, on: date | None = None) -> None:
        """In QuickBooks, and unknown to us."""
        held = self.shop.company.get("Invoice", record.id)
        body = payment(held.body["Balance"], [(held, held.body["Balance"])], customer=held.body["CustomerRef"]["value"])
        self.shop.company.create("Payment", body if on is None else {**body, "TxnDate": on.isoformat()})

    async def set_policy(self, **more: Any) -> None:
        answer = await self.owner.ask("PUT", "/collections/policy", json={**ALWAYS, "levels": LEVELS, **OURS, **more})
        assert answer.status_code == 200, answer.text

    async def chased(self, customer: str) -> dict[str, Any]:
        listed = (await self.owner.get("/collections", max_age="live"))["data"]["customers"]
        (one,) = [each for each in listed if each["external_id"] == customer]
        found: dict[str, Any] = one
        return found

    async def run(self, *, key: str | None = None, **body: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": key or new_key()}
        answer = await self.bookkeeper.ask("POST", "/collections/run", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    async def settle(self) -> None:
        """Every mail that was asked for is over."""
        async with at_work(self.shop.web, self.shop.visitor.business_id):
            for intent in await self.under_way():
                await self.shop.web.services.actions.wait_for_change(
                    self.business_id, intent, up_to=timedelta(seconds=20)
                )
        assert await self.under_way() == []

    async def under_way(self) -> list[UUID]:
        listed = (await self.owner.get("/actions", limit=200))["data"]
        done = {ActionState.CONFIRMED, ActionState.FAILED, ActionState.CANCELLED}
        return [UUID(one["id"]) for one in listed if one["operation"] == "remind_customer" and one["state"] not in done]

    def let_time_pass(self, intent: UUID) -> None:
        """The dead worker's lease is over, and its call so long ago that whatever came of it is there."""
        with connect(self.database.superuser_url.replace("+psycopg", "")) as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(
                "UPDATE action_intent SET due_at = clock_timestamp(), lease_until = clock_timestamp(), "
                "last_sent_at = last_sent_at - interval '5 min' WHERE id = %s",
                [intent],
            )

    async def letters(self, address: str) -> list[EmailMessage]:
        """As they lie in the files that take a mail server's place."""
        services = self.shop.web.services
        async with services.access_uow([]) as uow:
            mails = (await uow.session.scalars(select(Mail).where(Mail.recipient == address))).all()
        found = []
        for mail in sorted(mails, key=lambda one: one.created_at):
            await services.mail_room.send(mail.id)
            await services.mail_room.send(mail.id)  # twice is once
            path = self.home / "mail" / f"{mail.id}.eml"
            found.append(message_from_bytes(path.read_bytes(), policy=policy.default))
        return found
