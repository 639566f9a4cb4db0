from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from domains.ap.approval_policies import NewPolicy
from domains.ap.approvals import ApprovalPolicy, ApprovalStatus, Signatory
from domains.ap.deciding import Deciding, Seen
from domains.ap.mirrors import BILLS_FROM_QBO
from infra.db.reads import Read
from infra.sync.freshness import AS_IT_STANDS, Freshness
from runway.orchestrators.held_payments import withdraw
from runway.orchestrators.waiting_bills import WaitingBills
from runway.routes.access import ApprovesBills, Caller, ManagesSettings, ReadsBooks
from runway.routes.answers import Amount, Answer, FreshnessOut, PageAnswer, send
from runway.routes.approval_answers import APPROVAL_EXAMPLE, ApprovalOut, ApprovedOut, BillToApprove
from runway.routes.asked import AskedPage, Strict
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.read_route import ReadRoute
from runway.routes.seen import SeenFiguresId, frozen_figures

router = APIRouter(prefix="/api/v1", tags=["approvals"], route_class=ReadRoute)

Money = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=2)]


class SeenBill(Strict):
    """What the person had before them. What is left out is not compared."""

    amount: Decimal | None = Field(default=None, description="The bill's total.", examples=["120.50"])
    due_on: date | None = Field(default=None, description="Null: it had none.")
    vendor: str | None = Field(default=None, max_length=500, description="The vendor's id at the rail, or their name.")
    fingerprint: str | None = Field(
        default=None,
        max_length=64,
        description="`approval.fingerprint` of the bill as it was shown: all that matters of it.",
    )

    def seen(self) -> Seen:
        return Seen(self.amount, self.due_on, self.vendor, self.fingerprint, "due_on" in self.model_fields_set)


class WantedApproval(Strict):
    duplicate_reason: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="Why the bill is no duplicate, where it looks like one. It is kept in the bill's log."
    )
    seen: SeenBill | None = Field(default=None, description="409 where the bill is another by now.")
    seen_figures_id: SeenFiguresId = None


class PolicyOut(BaseModel):
    needed_from: Amount = Field(
        description="Bills of this total or more need an approval; 0: every bill. Home currency."
    )
    two_people_above: Amount | None = Field(
        description="Above it two different people have a hand in every payment; null: never. Home currency."
    )
    payer_may_be_only_approver: bool = Field(
        description="Up to that, whether the one who pays may be the only one who approved."
    )
    version: int = Field(description="0 while nobody has set anything.")
    set_at: datetime | None
    actor: str | None = Field(description="Who set it.", examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])


class PolicyAnswer(BaseModel):
    data: PolicyOut


class WantedPolicy(Strict):
    needed_from: Money = Field(default=Decimal(0), examples=["0.00"])
    two_people_above: Money | None = Field(default=None, examples=["10000.00"])
    payer_may_be_only_approver: bool = True


class AskedApprovals(AskedPage):
    status: ApprovalStatus = Field(
        default=ApprovalStatus.WAITING,
        description="`waiting` holds those that wait for a second person too.",
    )


_POLICY_EXAMPLE = {
    "needed_from": "0.00",
    "two_people_above": "10000.00",
    "payer_may_be_only_approver": True,
    "version": 1,
    "set_at": "2026-03-15T18:55:00Z",
    "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
}
_APPROVED_EXAMPLE = {**APPROVAL_EXAMPLE, "duplicates": []}
_TO_APPROVE_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "external_id": "145",
    "doc_number": "2231",
    "vendor_external_id": "31",
    "vendor_name": "Harbor Supply",
    "issued_on": "2026-02-20",
    "due_on": "2026-03-22",
    "total": "120.50",
    "balance": "120.50",
    "currency": "USD",
    "approval": {**APPROVAL_EXAMPLE, "status": "waiting", "approvals": []},
}


@router.post(
    "/bills/{bill_id}/approve",
    summary="Approve a bill",
    responses=documented(books_example(_APPROVED_EXAMPLE)),
)
async def approve_bill(
    caller: ApprovesBills, bill_id: UUID, wanted: WantedApproval | None = None
) -> Answer[ApprovedOut]:
    """Say yes to the bill as it is, up to your approval limit. It counts until the amount, vendor, due date, currency or remit
    address changes in QuickBooks. Twice by the same person is once.

    409 for a bill that is paid, deleted, not as you saw it, or that looks like another one: `code` says which, and `duplicates`
    names the others. QuickBooks is not asked.
    """
    wanted = wanted or WantedApproval()
    freshness, figures = await _freshness(caller), await frozen_figures(caller, wanted.seen_figures_id)
    async with caller.process.uow([caller.business.id]) as uow:
        approved = await caller.services.approvals.approve(
            uow.session,
            bill_id,
            replace(_deciding(caller, freshness), figures=figures),
            seen=wanted.seen.seen() if wanted.seen else None,
            duplicate_reason=wanted.duplicate_reason,
        )
    return Answer[ApprovedOut](data=ApprovedOut.of_approved(approved), freshness=FreshnessOut.of(freshness))


@router.post(
    "/bills/{bill_id}/unapprove",
    summary="Withdraw a bill's approvals",
    responses=documented(books_example({**APPROVAL_EXAMPLE, "status": "waiting", "approvals": []})),
)
async def unapprove_bill(caller: ApprovesBills, bill_id: UUID) -> Answer[ApprovalOut]:
    """Everybody's: until it is approved again it is not paid. Without an approval nothing is changed.

    A payment of it that waits is held; one that is on its way to QuickBooks is not stopped any more (409).
    """
    freshness = await _freshness(caller)
    async with caller.process.uow([caller.business.id]) as uow:
        standing = await withdraw(uow, caller.services.approvals, bill_id, deciding=_deciding(caller, freshness))
    return Answer[ApprovalOut](data=ApprovalOut.of(standing), freshness=FreshnessOut.of(freshness))


@router.get(
    "/approvals",
    summary="Open bills by how their approval stands",
    response_model=PageAnswer[BillToApprove],
    responses=read_of_books(books_example([_TO_APPROVE_EXAMPLE], is_page=True)),
)
async def list_approvals(request: Request, caller: ReadsBooks, asked: Annotated[AskedApprovals, Query()]) -> Response:
    """Soonest due first. A page may hold fewer bills than asked for, and a next one all the same."""
    waiting = WaitingBills(caller.services.bills, caller.services.approvals, caller.process.uow)
    fetched = await waiting.page(
        asked.status, today=caller.today, after=asked.cursor, limit=asked.limit, freshness=asked.need()
    )
    home_currency = caller.home_currency
    body = PageAnswer[BillToApprove](
        data=[BillToApprove.of(standing, home_currency=home_currency) for standing in fetched.value.items],
        next_cursor=fetched.value.next_cursor,
        freshness=FreshnessOut.of(fetched.freshness),
    )
    return send(request, body)


@router.get("/approval-policy", summary="What is to be approved", responses=documented({"data": _POLICY_EXAMPLE}))
async def get_approval_policy(caller: ReadsBooks) -> PolicyAnswer:
    """Unless it was set: every bill, by one person."""
    async with caller.process.uow([caller.business.id]) as uow:
        return _policy_answer(await caller.services.approvals.get_policy(uow.session))


@router.put("/approval-policy", summary="Set what is to be approved", responses=documented({"data": _POLICY_EXAMPLE}))
async def set_approval_policy(caller: ManagesSettings, wanted: WantedPolicy) -> PolicyAnswer:
    """It counts from now on, for bills that are approved already too. What was set before is kept."""
    new = NewPolicy(wanted.needed_from, wanted.two_people_above, wanted.payer_may_be_only_approver)
    async with caller.process.uow([caller.business.id]) as uow:
        policy = await caller.services.approvals.set_policy(
            uow.session, new, deciding=_deciding(caller, None), now=caller.clock.now()
        )
    return _policy_answer(policy)


_NOTHING = Read("SELECT 1 WHERE false", {}, int)


async def _freshness(caller: Caller) -> Freshness:
    """How old the bills are that the decision rests on."""
    return (await caller.services.sync.select([BILLS_FROM_QBO], _NOTHING, freshness=AS_IT_STANDS)).freshness


def _deciding(caller: Caller, freshness: Freshness | None) -> Deciding:
    return Deciding(
        business_id=caller.business.id,
        by=Signatory.of(caller.entry),
        request_id=caller.origin.request_id,
        limit=caller.entry.approval_limit,
        as_of=freshness.as_of if freshness else None,
    )


def _policy_answer(policy: ApprovalPolicy) -> PolicyAnswer:
    fields: dict[str, Any] = {name: getattr(policy, name) for name in PolicyOut.model_fields}
    return PolicyAnswer(data=PolicyOut(**fields))
