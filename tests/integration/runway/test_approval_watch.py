"""After a sync: what an edit has reopened and what was paid past an approval is told once, and stays told until somebody has seen it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from domains.ap.approval_policies import NewPolicy
from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import ApprovalStatus, Signatory
from domains.ap.deciding import Deciding
from domains.ap.models import Bill, BillTransactionLog
from domains.core import notices
from domains.core.models import Connection
from domains.core.notice_models import Notice
from domains.core.notices import NoticeKind
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.roles import connect
from infra.ids import new_id
from infra.jobs.outbox import OutboxRow
from runway.orchestrators.approval_watch import ApprovalWatch
from tests.integration.domains.books import NOW, Books, FixedClock
from tests.rig import Database
from tests.unit.domains.bodies import Body, make_bill, make_bill_payment, make_vendor

ADA = Signatory(f"user:{UUID(int=1)}", UUID(int=1))
LATER = "2026-03-16T08:00:00-07:00"
ALL = {"Bill", "BillPayment", "Vendor"}


class Watched:
    """A connected business whose books a test fills."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.watch = ApprovalWatch(books.uow, FixedClock())
        self.approvals = ApprovalService(books.business_id, home_currency="USD")

    async def bill(self, external_id: str = "7", *, version: int = 0, **fields: Any) -> UUID:
        body: Body = make_bill(
            external_id, **{"Balance": Decimal("120.50"), "DocNumber": f"HS-{external_id}", **fields}
        )
        await self.books.put("Bill", {**body, "SyncToken": str(version)})
        async with self.books.uow([self.books.business_id]) as uow:
            found = await uow.session.scalars(select(Bill.id).where(Bill.external_id == external_id))
            return found.one()

    async def pay(
        self, external_id: str = "8", *, bills: tuple[str, ...] = ("7",), made: str = LATER, **fields: Any
    ) -> None:
        lines = [{"Amount": 10, "LinkedTxn": [{"TxnId": bill, "TxnType": "Bill"}]} for bill in bills]
        body = make_bill_payment(external_id, Line=lines, **fields)
        body["MetaData"] = {"CreateTime": made, "LastUpdatedTime": made}
        await self.books.put("BillPayment", body)

    async def approve(self, bill_id: UUID) -> None:
        async with self.books.uow([self.books.business_id]) as uow:
            await self.approvals.approve(uow.session, bill_id, self.deciding())

    async def set_policy(self, policy: NewPolicy, *, at: datetime = NOW) -> None:
        async with self.books.uow([self.books.business_id]) as uow:
            await self.approvals.set_policy(uow.session, policy, deciding=self.deciding(), now=at)

    def deciding(self) -> Deciding:
        return Deciding(self.books.business_id, ADA, "request-1")

    async def look(self, entities: set[str] = ALL) -> list[Notice]:
        """The notices that stand afterwards, the latest first."""
        await self.watch.look(self.books.business_id, entities)
        async with self.books.uow([self.books.business_id]) as uow:
            return list(await notices.list_notices(uow.session, self.books.business_id, is_open=True, limit=100))

    async def see(self, notice: Notice) -> None:
        async with self.books.uow([self.books.business_id]) as uow:
            await notices.mark_seen(uow.session, self.books.business_id, notice.id, now=NOW)

    async def events(self, bill_id: UUID) -> list[BillTransactionLog]:
        async with self.books.uow([self.books.business_id]) as uow:
            rows = await uow.session.scalars(
                select(BillTransactionLog)
                .where(BillTransactionLog.entity_id == bill_id)
                .order_by(BillTransactionLog.version)
            )
            return list(rows)

    async def letters(self) -> int:
        async with self.books.uow([self.books.business_id]) as uow:
            jobs = await uow.session.scalars(select(OutboxRow).where(OutboxRow.business_id == self.books.business_id))
            return len(jobs.all())


@pytest.fixture
async def watched(database: Database, access_uow: UnitOfWorkFactory) -> AsyncIterator[Watched]:
    engine, reads = create_engine(database.app_url, pool_size=4), Reads(database.app_url, pool_size=1)
    uow = unit_of_work_factory(engine)
    books = await Books.open(uow, access_uow, reads)
    async with uow([books.business_id]) as unit:
        unit.session.add(
            Connection(
                business_id=books.business_id,
                id=new_id(),
                rail="qbo",
                external_account_id=str(books.business_id.int),
                state="active",
                connected_at=NOW,
                state_changed_at=NOW,
            )
        )
    yield Watched(books)
    await reads.close()
    await engine.dispose()


async def test_a_material_edit_is_written_down_and_told_once(watched: Watched) -> None:
    bill_id = await watched.bill()
    await watched.approve(bill_id)
    assert await watched.look() == []
    await watched.bill(version=1, TotalAmt=Decimal("130.50"), RemitToAddr={"Line1": "2 Elsewhere"})
    for _ in range(2):
        (notice,) = await watched.look()
        assert (notice.kind, notice.times, notice.subject) == (NoticeKind.APPROVAL_REOPENED, 1, str(bill_id))
    assert "total from 120.50 to 130.50; remit to from none to 2 Elsewhere" in notice.text
    assert await watched.letters() == 0
    event = (await watched.events(bill_id))[-1]
    assert (event.transaction_type, event.source, event.actor) == ("approval_reopened", "system", "system:approvals")
    assert event.changes["changed"] == {
        "total": [Decimal("120.50"), Decimal("130.50")],
        "remit_to": [None, "2 Elsewhere"],
    }
    # Changed back, it is not approved again by itself.
    await watched.bill(version=2)
    await watched.look()
    async with watched.books.uow([watched.books.business_id]) as uow:
        standing = (await watched.approvals.standing(uow.session, [bill_id]))[bill_id]
    assert standing.status is ApprovalStatus.WAITING


async def test_two_looks_at_once_tell_of_it_once(watched: Watched) -> None:
    bill_id = await watched.bill()
    await watched.approve(bill_id)
    await watched.bill(version=1, DueDate="2026-05-01")
    await asyncio.gather(*(watched.watch.look(watched.books.business_id, ALL) for _ in range(3)))
    types = [row.transaction_type for row in await watched.events(bill_id)]
    assert types == ["created", "approved", "updated", "approval_reopened"]


async def test_a_look_that_fails_leaves_the_sync_in_peace(watched: Watched, database: Database) -> None:
    bill_id = await watched.bill()
    await watched.approve(bill_id)
    await watched.bill(version=1, DueDate="2026-05-01")

    @asynccontextmanager
    async def impatient(business_ids: Sequence[UUID]) -> AsyncIterator[UnitOfWork]:
        async with watched.books.uow(business_ids) as unit:
            await unit.session.execute(text("SET LOCAL lock_timeout = '20ms'"))
            yield unit

    with connect(database.owner_url) as owner, owner.transaction():
        owner.execute("LOCK TABLE bill_approval")
        await ApprovalWatch(impatient, FixedClock()).look(watched.books.business_id, ALL)
    assert [row.transaction_type for row in await watched.events(bill_id)] == ["created", "approved", "updated"]
    await watched.look()
    assert (await watched.events(bill_id))[-1].transaction_type == "approval_reopened"


async def test_another_address_of_the_vendor_reopens_what_is_open(watched: Watched) -> None:
    await watched.books.put("Vendor", make_vendor("31", BillAddr={"Line1": "1 Quay"}))
    first, paid = await watched.bill("7"), await watched.bill("8")
    await watched.approve(first)
    await watched.approve(paid)
    await watched.bill("8", version=1, Balance=0)
    await watched.books.put("Vendor", {**make_vendor("31", BillAddr={"Line1": "2 Elsewhere"}), "SyncToken": "1"})
    assert await watched.look({"BillPayment"}) == []
    assert [notice.subject for notice in await watched.look({"Vendor"})] == [str(first)]


async def test_a_payment_in_part_reopens_nothing(watched: Watched) -> None:
    bill_id = await watched.bill()
    await watched.approve(bill_id)
    await watched.bill(version=1, Balance=Decimal(20))
    assert await watched.look() == []
    assert [row.transaction_type for row in await watched.events(bill_id)] == ["created", "approved", "updated"]


async def test_a_payment_past_an_approval_is_told_until_somebody_has_seen_it(watched: Watched) -> None:
    await watched.set_policy(NewPolicy())
    await watched.bill()
    await watched.pay()
    for _ in range(2):
        (notice,) = await watched.look()
        assert (notice.kind, notice.severity, notice.times) == (NoticeKind.BYPASS, "alarm", 1)
    assert "payment 8" in notice.text
    assert "Bill HS-7 of Harbor Supply" in notice.text
    assert await watched.letters() == 1
    await watched.see(notice)
    assert await watched.look() == []


async def test_until_somebody_sets_a_policy_nobody_is_written_to(watched: Watched) -> None:
    await watched.bill()
    await watched.pay()
    (notice,) = await watched.look()
    assert (notice.severity, await watched.letters()) == ("warning", 0)


async def test_what_is_no_bypass(watched: Watched) -> None:
    await watched.set_policy(NewPolicy(needed_from=Decimal(50)))
    approved, small = await watched.bill("7"), await watched.bill("9", TotalAmt=49, Balance=49)
    await watched.approve(approved)
    await watched.pay("20", bills=("7", "9"))
    await watched.bill("10")
    await watched.pay("21", bills=("10",), made="2026-03-15T11:59:59-07:00")  # a second before the connection
    await watched.pay("22", bills=("10",), TotalAmt=0)  # voided, or paid by credits alone
    await watched.pay("23", bills=("99",))  # of a bill that is not here yet
    assert await watched.look() == []
    # Edited since, it had its approval all the same when it was paid.
    await watched.bill("7", version=1, TotalAmt=Decimal(900))
    assert [notice.kind for notice in await watched.look()] == [NoticeKind.APPROVAL_REOPENED]
    assert small


async def test_an_approval_that_came_later_heals_nothing(watched: Watched) -> None:
    bill_id = await watched.bill()
    await watched.pay()
    await watched.approve(bill_id)
    assert [notice.kind for notice in await watched.look()] == [NoticeKind.BYPASS]


async def test_one_of_two_people_is_not_enough(watched: Watched) -> None:
    await watched.set_policy(NewPolicy(two_people_above=Decimal(100)))
    await watched.approve(await watched.bill())
    await watched.pay()
    assert [notice.kind for notice in await watched.look()] == [NoticeKind.BYPASS]


async def test_before_the_policy_was_first_set_nothing_is_held_against_it(watched: Watched) -> None:
    await watched.bill()
    await watched.pay()
    await watched.set_policy(NewPolicy(), at=datetime(2026, 3, 17, tzinfo=UTC))
    assert await watched.look() == []
    await watched.set_policy(NewPolicy(needed_from=Decimal(1)), at=NOW + timedelta(days=3))
    await watched.pay("30", made="2026-03-17T08:00:00Z")
    assert len(await watched.look()) == 1
