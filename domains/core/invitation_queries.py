"""Which invitations can still be accepted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.models import Business
from domains.core.people import Firm, FirmAdmin, Invitation, Membership, User
from domains.core.permissions import MAY, Permission, Role


def _living(now: datetime) -> tuple[Any, ...]:
    return Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > now


async def is_still_backed(session: AsyncSession, invitation: Invitation) -> bool:
    """Whether who sent it still has what it gives. The operator's (nobody's) stays good."""
    if invitation.invited_by is None:
        return True
    sender = await session.get(User, invitation.invited_by)
    if sender is None or sender.disabled_at is not None:
        return False
    firm_id = invitation.firm_id
    if invitation.business_id is not None:
        firm_id = await session.scalar(select(Business.firm_id).where(Business.id == invitation.business_id))
    if firm_id is not None and await session.get(FirmAdmin, (firm_id, sender.id)) is not None:
        return True
    if invitation.business_id is None:
        return False
    held = await session.get(Membership, (invitation.business_id, sender.id))
    if held is None:
        return False
    return {Permission.MEMBERS_MANAGE, *MAY[Role(invitation.role)]} <= MAY[Role(held.role)]


async def list_living(session: AsyncSession, business_id: UUID, *, now: datetime) -> list[Invitation]:
    """The newest first."""
    query = select(Invitation).where(Invitation.business_id == business_id, *_living(now))
    return list(await session.scalars(query.order_by(Invitation.created_at.desc(), Invitation.id)))


async def find_living(session: AsyncSession, token_hash: bytes, *, now: datetime) -> tuple[Invitation, str] | None:
    """With the name of the business or firm; nobody else changes the invitation before the session ends."""
    query = (
        select(Invitation, func.coalesce(Business.name, Firm.name))
        .outerjoin(Business, Business.id == Invitation.business_id)
        .outerjoin(Firm, Firm.id == Invitation.firm_id)
        .where(Invitation.token_hash == token_hash, *_living(now))
        .with_for_update(of=Invitation)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def end_living(session: AsyncSession, *which: ColumnElement[bool], now: datetime) -> list[str]:
    """The addresses that they were sent to."""
    ended = await session.scalars(
        update(Invitation)
        .where(*which, *_living(now))
        .values(revoked_at=now)
        .returning(Invitation.email)
        .execution_options(synchronize_session=False)
    )
    return list(ended)
