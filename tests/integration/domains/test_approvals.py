"""Approvals over real books: what is written with them, what takes them away, and what an edit in between does."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from domains.ap.approval_errors import (
    AboveApprovalLimit,
    AboveReleaseLimit,
    ApprovalMissing,
    ApprovalOutdated,
    BillDeleted,
    BillsMissing,
    DuplicateReasonEmpty,
    LooksLikeDuplicate,
    NotAsSeen,
    NothingOpen,
    PayerIsOnlyApprover,
    PolicyContradicts,
    RateUnknown,
)
from domains.ap.approval_models import BillApproval
from domains.ap.approval_policies import NewPolicy
from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import ApprovalPolicy, ApprovalStatus, Signatory, Standing
from domains.ap.deciding import Approved, Deciding, Seen
from domains.ap.errors import BillNotFound
from domains.ap.models import Bill, BillTransactionLog
from domains.cash.lookalike_queries import list_spent
from infra.errors import OodalooError
from tests.integration.domains.books import NOW, Books
from tests.unit.domains.bodies import Body, make_bill, make_purchase, make_vendor

ADA, BEN = (Signatory(f"user:{UUID(int=number)}", UUID(int=number)) for number in (1, 2))


class Desk:
    """A business's approvals, each call a transaction of its own."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.approvals = ApprovalService(books.business_id, home_currency="USD", spent=list_spent)

    async def put(self, external_id: str = "7", *, version: int = 0, **fields: Any) -> UUID:
        body: Body = {**make_bill(external_id, **{"Balance": Decimal("120.50"), **fields}), "SyncToken": str(version)}
        await self.books.put("Bill", body)
        async with self.books.uow([self.books.business_id]) as uow:
            found = await uow.session.scalars(
                select(Bill.id).where(Bill.business_id == self.books.business_id, Bill.external_id == external_id)
            )
            return found.one()

    async def approve(self, bill_id: UUID, by: Signatory = ADA, *, limit: str | None = None, **more: Any) -> Approved:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.approvals.approve(uow.session, bill_id, self.deciding(by, limit=limit), **more)

    async def unapprove(self, bill_id: UUID, by: Signatory = ADA) -> Standing:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.approvals.unapprove(uow.session, bill_id, self.deciding(by))

    async def standing(self, bill_id: UUID) -> Standing:
        async with self.books.uow([self.books.business_id]) as uow:
            return (await self.approvals.standing(uow.session, [bill_id]))[bill_id]

    async def may_be_paid(
        self, *bill_ids: UUID, payer: Signatory = ADA, limit: str | None = None
    ) -> OodalooError | None:
        amounts = dict.fromkeys(bill_ids, Decimal(100))
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.approvals.may_be_paid(
                uow.session, amounts, payer=payer, limit=Decimal(limit) if limit else None
            )

    async def set_policy(self, policy: NewPolicy) -> ApprovalPolicy:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.approvals.set_policy(uow.session, policy, deciding=self.deciding(ADA), now=NOW)

    async def log(self, bill_id: UUID) -> list[BillTransactionLog]:
        async with self.books.uow([self.books.business_id]) as uow:
            rows = await uow.session.scalars(
                select(BillTransactionLog)
                .where(
                    BillTransactionLog.business_id == self.books.business_id, BillTransactionLog.entity_id == bill_id
                )
                .order_by(BillTransactionLog.version)
            )
            return list(rows)

    def deciding(self, by: Signatory, *, limit: str | None = None) -> Deciding:
        return Deciding(self.books.business_id, by, "request-1", Decimal(limit) if limit else None, NOW)


@pytest.fixture
def desk(books: Books) -> Desk:
    return Desk(books)


async def test_an_approval_is_told_with_the_figures_it_is_of(desk: Desk) -> None:
    bill_id = await desk.put(RemitToAddr={"Id": "4", "Line1": "1 Quay", "City": "Bayshore"})
    assert (await desk.standing(bill_id)).status is ApprovalStatus.WAITING
    assert isinstance(await desk.may_be_paid(bill_id), ApprovalMissing)
    approved = await desk.approve(bill_id)
    assert (approved.standing.status, approved.duplicates) == (ApprovalStatus.APPROVED, [])
    assert await desk.may_be_paid(bill_id) is None
    row = (await desk.log(bill_id))[-1]
    assert (row.transaction_type, row.version, row.actor, row.source, row.request_id) == (
        "approved", 2, ADA.actor, "user", "request-1",
    )  # fmt: skip
    told = row.changes
    assert (told["total"], told["due_on"], told["remit_to"], told["seen_version"]) == (
        Decimal("120.50"), "2026-03-31", "1 Quay, Bayshore", 1,
    )  # fmt: skip
    assert told["as_of"] == "2026-03-15T19:00:00Z"
    assert approved.standing.material is not None
    assert told["fingerprint"] == approved.standing.material.fingerprint


async def test_twice_by_the_same_person_is_once_also_at_the_same_moment(desk: Desk) -> None:
    bill_id = await desk.put()
    answers = await asyncio.gather(*(desk.approve(bill_id) for _ in range(3)))
    assert {len(answer.standing.approvals) for answer in answers} == {1}
    assert [row.transaction_type for row in await desk.log(bill_id)] == ["created", "approved"]


async def test_a_withdrawal_ends_everybodys_approval_once(desk: Desk) -> None:
    bill_id = await desk.put()
    assert (await desk.unapprove(bill_id)).approvals == ()
    await desk.approve(bill_id, ADA)
    await desk.approve(bill_id, BEN)
    for _ in range(2):
        assert (await desk.unapprove(bill_id, BEN)).status is ApprovalStatus.WAITING
    types = [row.transaction_type for row in await desk.log(bill_id)]
    assert types == ["created", "approved", "approved", "unapproved"]


@pytest.mark.parametrize(
    "change",
    [
        {"TotalAmt": Decimal("120.51")},
        {"DueDate": "2026-04-01"},
        {"VendorRef": {"value": "32", "name": "Other"}},
        {"RemitToAddr": {"Line1": "2 Elsewhere"}},
        {"VendorAddr": {"Line1": "2 Elsewhere"}},
    ],
)
async def test_a_material_edit_ends_it_at_once(desk: Desk, change: Body) -> None:
    bill_id = await desk.put()
    await desk.approve(bill_id)
    await desk.put(version=1, **change)
    standing = await desk.standing(bill_id)
    assert (standing.status, len(standing.changed)) == (ApprovalStatus.WAITING, 1)
    assert isinstance(await desk.may_be_paid(bill_id), ApprovalOutdated)
    await desk.approve(bill_id)
    assert await desk.may_be_paid(bill_id) is None


async def test_another_address_of_the_vendor_ends_it_too(desk: Desk) -> None:
    await desk.books.put("Vendor", make_vendor("31", BillAddr={"Line1": "1 Quay"}))
    bill_id = await desk.put()
    await desk.approve(bill_id)
    await desk.books.put("Vendor", {**make_vendor("31", BillAddr={"Line1": "2 Elsewhere"}), "SyncToken": "1"})
    assert (await desk.standing(bill_id)).changed == {"remit_to": ("1 Quay", "2 Elsewhere")}


async def test_a_payment_in_part_and_another_memo_leave_it(desk: Desk) -> None:
    bill_id = await desk.put()
    await desk.approve(bill_id)
    await desk.put(version=1, Balance=Decimal(20), PrivateNote="other", TotalAmt=Decimal("120.500"))
    assert (await desk.standing(bill_id)).status is ApprovalStatus.APPROVED


async def test_what_there_is_not_to_approve(desk: Desk) -> None:
    paid, deleted = await desk.put("8", Balance=0), await desk.put("9", DocNumber="D")
    await desk.books.delete("Bill", "9")
    for verb in (desk.approve, desk.unapprove):
        with pytest.raises(NothingOpen):
            await verb(paid)
        with pytest.raises(BillDeleted):
            await verb(deleted)
        with pytest.raises(BillNotFound):
            await verb(uuid4())
    assert isinstance(await desk.may_be_paid(uuid4()), BillsMissing)
    assert isinstance(await desk.may_be_paid(deleted), BillDeleted)


async def test_a_limit_is_in_home_currency_and_of_the_whole_bill(desk: Desk) -> None:
    euro = await desk.put("8", CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.10"), Balance=Decimal(1))
    with pytest.raises(AboveApprovalLimit, match=r"132\.55 USD.*132\.54 USD"):
        await desk.approve(euro, limit="132.54")
    await desk.approve(euro, limit="132.55")
    assert isinstance(await desk.may_be_paid(euro, limit="109.99"), AboveReleaseLimit)
    unknown: Any = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": None, "DocNumber": "X"}
    with pytest.raises(RateUnknown):
        await desk.approve(await desk.put("9", **unknown))


@pytest.mark.parametrize(
    ("seen", "field"),
    [
        (Seen(amount=Decimal("120.51")), "amount"),
        (Seen(due_on=date(2026, 4, 1), tells_due_on=True), "due_on"),
        (Seen(tells_due_on=True), "due_on"),
        (Seen(vendor="32"), "vendor"),
        (Seen(fingerprint="0" * 64), "fingerprint"),
    ],
)
async def test_nobody_approves_what_they_have_not_seen(desk: Desk, seen: Seen, field: str) -> None:
    bill_id = await desk.put()
    with pytest.raises(NotAsSeen) as refusal:
        await desk.approve(bill_id, seen=seen)
    assert list(refusal.value.changed) == [field]
    same = Seen(Decimal("120.5"), date(2026, 3, 31), "Harbor Supply", tells_due_on=True)
    await desk.approve(bill_id, seen=same)
    await desk.approve(bill_id, BEN, seen=Seen(vendor="31"))


async def test_a_strong_match_is_approved_when_somebody_says_why(desk: Desk) -> None:
    await desk.put("6", TxnDate="2025-03-01", DocNumber="hs 118", Balance=0)
    bill_id = await desk.put("7")
    with pytest.raises(LooksLikeDuplicate, match=r"bill hs 118 of 2025-03-01 for 120\.50"):
        await desk.approve(bill_id)
    with pytest.raises(DuplicateReasonEmpty):
        await desk.approve(bill_id, duplicate_reason="  ")
    approved = await desk.approve(bill_id, duplicate_reason="rent of another year")
    assert [found.other.external_id for found in approved.duplicates] == ["6"]
    told = (await desk.log(bill_id))[-1].changes
    assert told["duplicate_reason"] == "rent of another year"
    assert told["duplicates"][0]["strength"] == "strong"


async def test_what_was_paid_by_card_and_a_vendor_by_another_id_are_seen_too(desk: Desk) -> None:
    await desk.books.put("Vendor", make_vendor("31"), make_vendor("77", DisplayName="HARBOR SUPPLY, Inc."))
    await desk.put("5", VendorRef={"value": "77", "name": "HARBOR SUPPLY, Inc."}, DocNumber="HS-0118", TotalAmt=9)
    theirs = {"value": "31", "name": "Harbor Supply", "type": "Vendor"}
    await desk.books.put(
        "Purchase",
        make_purchase("21", TotalAmt=Decimal("120.50"), TxnDate="2026-02-01", EntityRef=theirs),
        make_purchase("22", TotalAmt=Decimal("120.50"), TxnDate="2026-02-01", EntityRef=theirs, Credit=True),
        make_purchase("23", TotalAmt=Decimal("120.50"), TxnDate="2026-01-14", EntityRef=theirs),
        make_purchase("24", TotalAmt=Decimal("120.50"), EntityRef={**theirs, "value": "99", "name": "Other"}),
    )
    approved = await desk.approve(await desk.put("7"))
    found = [(one.other.kind.value, one.other.external_id, one.strength.name) for one in approved.duplicates]
    assert found == [("bill", "5", "LIKELY"), ("purchase", "21", "WEAK")]


async def test_a_policy_counts_from_when_it_is_set_and_the_same_again_is_none(desk: Desk) -> None:
    bill_id = await desk.put()
    await desk.approve(bill_id)
    assert (await desk.set_policy(NewPolicy(payer_may_be_only_approver=False))).version == 1
    assert (await desk.set_policy(NewPolicy(payer_may_be_only_approver=False))).version == 1
    assert isinstance(await desk.may_be_paid(bill_id), PayerIsOnlyApprover)
    assert await desk.may_be_paid(bill_id, payer=BEN) is None
    assert (await desk.set_policy(NewPolicy(two_people_above=Decimal(100)))).version == 2
    assert (await desk.standing(bill_id)).status is ApprovalStatus.WAITING_FOR_SECOND
    assert (await desk.approve(bill_id, BEN)).standing.status is ApprovalStatus.APPROVED
    assert (await desk.set_policy(NewPolicy(needed_from=Decimal("120.51")))).version == 3
    await desk.unapprove(bill_id)
    assert (await desk.standing(bill_id)).status is ApprovalStatus.NOT_NEEDED
    with pytest.raises(PolicyContradicts):
        await desk.set_policy(NewPolicy(needed_from=Decimal(10), two_people_above=Decimal(9)))


@pytest.mark.parametrize(
    "statement", ["UPDATE bill_approval SET total = 1", "DELETE FROM bill_approval", "TRUNCATE bill_approval"]
)
async def test_what_was_approved_stays_written(desk: Desk, statement: str) -> None:
    await desk.approve(await desk.put())
    with pytest.raises(DBAPIError, match=r"permission denied|only grows"):
        async with desk.books.uow([desk.books.business_id]) as uow:
            await uow.session.execute(sa.text(statement))


async def test_no_approval_without_its_line_in_the_log(desk: Desk) -> None:
    bill_id = await desk.put()
    made_up = {
        "bill_id": bill_id, "version": 9, "decision": "approved", "actor": ADA.actor, "seen_version": 1, "total": Decimal(1),
        "currency": "USD", "vendor_external_id": "31", "fingerprint": "", "policy_version": 0,
    }  # fmt: skip
    with pytest.raises(DBAPIError, match="fk_bill_approval_bill_transaction_log"):
        async with desk.books.uow([desk.books.business_id]) as uow:
            uow.session.add(BillApproval(business_id=desk.books.business_id, **made_up))


async def test_another_business_sees_none_of_it(desk: Desk) -> None:
    bill_id = await desk.put()
    await desk.approve(bill_id)
    async with desk.books.uow([uuid4()]) as uow:
        assert (await uow.session.scalars(select(BillApproval).where(BillApproval.bill_id == bill_id))).all() == []
        others = ApprovalService(uuid4(), home_currency="USD")
        assert await others.standing(uow.session, [bill_id]) == {}
