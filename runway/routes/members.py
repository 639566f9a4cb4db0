from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.member_service import Member, MemberService
from domains.core.permissions import Role
from runway.routes.access import ManagesMembers
from runway.routes.answers import Amount, fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented, documented_without_answer

router = APIRouter(prefix="/api/v1/members", tags=["people"])

MemberRole = Literal["owner", "approver", "bookkeeper", "viewer"]
Limit = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=2)]

_members = MemberService()


class MemberOut(BaseModel):
    user_id: UUID
    email: str
    name: str
    role: Role = Field(description="`firm_admin` is the firm's to give: it cannot be changed here.")
    approval_limit: Amount | None = Field(description="In home currency; null is no limit, where the role may approve.")
    since: datetime
    is_disabled: bool = Field(description="Cannot sign in anywhere.")
    has_second_factor: bool


class MembersAnswer(BaseModel):
    data: list[MemberOut]


class MemberAnswer(BaseModel):
    data: MemberOut


class MemberChange(Strict):
    role: MemberRole | None = Field(default=None, description="Left out or null: unchanged.")
    approval_limit: Limit | None = Field(
        default=None, description="In home currency. Left out: unchanged; null: no limit.", examples=["5000.00"]
    )


_EXAMPLE = {
    "user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "email": "ada@example.com",
    "name": "Ada Park",
    "role": "approver",
    "approval_limit": "5000.00",
    "since": "2026-03-15T18:55:00Z",
    "is_disabled": False,
    "has_second_factor": True,
}


@router.get("", summary="Who belongs to the business", responses=documented({"data": [_EXAMPLE]}))
async def list_members(caller: ManagesMembers) -> MembersAnswer:
    """Members by name, and the admins of the firm that keeps the business."""
    async with caller.process.access_uow([]) as uow:
        found = await _members.list_members(uow.session, caller.business)
    return MembersAnswer(data=[_show(member) for member in found])


@router.patch("/{user_id}", summary="Change a member's role or limit", responses=documented({"data": _EXAMPLE}))
async def change_member(caller: ManagesMembers, user_id: UUID, wanted: MemberChange) -> MemberAnswer:
    """It counts from their next request on. Nobody gives more than they have: neither a permission nor a higher approval limit.
    The last owner of a business that no firm keeps stays one.
    """
    changes = wanted.model_dump(exclude_unset=True)
    if changes.get("role", "") is None:
        del changes["role"]
    async with caller.process.access_uow([]) as uow:
        member = await _members.change(
            uow.session, caller.entry, user_id=user_id, changes=changes, origin=caller.origin
        )
    return MemberAnswer(data=_show(member))


@router.delete(
    "/{user_id}",
    summary="Remove a member",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented_without_answer("They are no member any more."),
)
async def remove_member(caller: ManagesMembers, user_id: UUID) -> None:
    """Their sessions and tokens open this business no more, from now on; open invitations that they sent to it end. Their
    account, and what they have elsewhere, stays.
    """
    async with caller.process.access_uow([]) as uow:
        await _members.remove(uow.session, caller.entry, user_id=user_id, origin=caller.origin, now=caller.clock.now())


def _show(member: Member) -> MemberOut:
    return MemberOut(**fields_of(MemberOut, member))
