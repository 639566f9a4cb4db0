from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from domains.core.member_service import Standing
from domains.core.people import Invitation
from domains.core.permissions import Role
from runway.routes.access import AllServices, ManagesMembers
from runway.routes.answers import Amount, fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented, documented_without_answer
from runway.routes.members import Limit, MemberRole

router = APIRouter(prefix="/api/v1/invitations", tags=["people"])


class InvitationOut(BaseModel):
    id: UUID
    email: str
    role: Role
    approval_limit: Amount | None = Field(description="In home currency; null is no limit, where the role may approve.")
    invited_by: UUID | None = Field(description="The person who sent it; null for the machine's operator or a service.")
    created_at: datetime
    expires_at: datetime


class InvitationsAnswer(BaseModel):
    data: list[InvitationOut]


class InvitationAnswer(BaseModel):
    data: InvitationOut


class NewInvitation(Strict):
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] = Field(examples=["ada@example.com"])
    role: MemberRole
    approval_limit: Limit | None = Field(
        default=None, description="In home currency; for roles that approve. Null: no limit.", examples=["5000.00"]
    )


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "email": "ada@example.com",
    "role": "approver",
    "approval_limit": "5000.00",
    "invited_by": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "created_at": "2026-03-15T18:55:00Z",
    "expires_at": "2026-03-22T18:55:00Z",
}


@router.get("", summary="Who is invited", responses=documented({"data": [_EXAMPLE]}))
async def list_invitations(caller: ManagesMembers, services: AllServices) -> InvitationsAnswer:
    """Invitations to the business that can still be accepted, the newest first."""
    async with services.access_uow([]) as uow:
        found = await services.door.invitations.list_open(uow.session, caller.business.id, now=services.clock.now())
    return InvitationsAnswer(data=[_show(invitation) for invitation in found])


@router.post(
    "",
    summary="Invite a person",
    status_code=HTTPStatus.CREATED,
    responses=documented({"data": _EXAMPLE}, status=HTTPStatus.CREATED),
)
async def invite_member(caller: ManagesMembers, services: AllServices, wanted: NewInvitation) -> InvitationAnswer:
    """A letter with a link goes to them; it works once, for seven days, for that address alone. An earlier one to them ends.
    Nobody gives more than they have.
    """
    invitation = await services.door.joining.invite(
        caller.business,
        giver=caller.entry,
        email=wanted.email,
        standing=Standing(Role(wanted.role), wanted.approval_limit),
        origin=caller.origin,
    )
    return InvitationAnswer(data=_show(invitation))


@router.delete(
    "/{invitation_id}",
    summary="Withdraw an invitation",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented_without_answer("The link leads nowhere any more."),
)
async def revoke_invitation(caller: ManagesMembers, services: AllServices, invitation_id: UUID) -> None:
    """One that was accepted, withdrawn or is too old is not found."""
    async with services.access_uow([]) as uow:
        await services.door.invitations.revoke(
            uow.session,
            caller.business.id,
            invitation_id=invitation_id,
            origin=caller.origin,
            now=services.clock.now(),
        )


def _show(invitation: Invitation) -> InvitationOut:
    return InvitationOut(**fields_of(InvitationOut, invitation))
