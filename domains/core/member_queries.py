"""SELECTs over the people of a business, for the role that sees people and no books."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.models import Business
from domains.core.people import FirmAdmin, Membership, User
from domains.core.permissions import Role


async def list_owner_addresses(session: AsyncSession, business_id: UUID) -> list[str]:
    """The mail addresses of the business's owners who may sign in."""
    rows = await session.scalars(
        select(User.email)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.business_id == business_id,
            Membership.role == Role.OWNER.value,
            User.disabled_at.is_(None),
        )
        .order_by(User.email)
    )
    return list(rows)


class Reader(NamedTuple):
    """Somebody who may read a business's books. A firm's admin who is a member, too, has the member's `role` here."""

    user_id: UUID
    name: str
    email: str
    role: Role


async def list_readers(session: AsyncSession, business_id: UUID) -> list[Reader]:
    """Everybody who may sign in and belongs to the business, or is an admin of its firm; in order of their addresses."""
    is_admin = and_(FirmAdmin.firm_id == Business.firm_id, FirmAdmin.user_id == User.id)
    is_member = and_(Membership.business_id == Business.id, Membership.user_id == User.id)
    rows = await session.execute(
        select(User.id, User.name, User.email, Membership.role)
        .select_from(User)
        .join(Business, Business.id == business_id)
        .outerjoin(Membership, is_member)
        .outerjoin(FirmAdmin, is_admin)
        .where(User.disabled_at.is_(None), or_(Membership.role.is_not(None), FirmAdmin.user_id.is_not(None)))
        .order_by(User.email)
    )
    return [
        Reader(user_id, name, email, Role(role) if role else Role.FIRM_ADMIN) for user_id, name, email, role in rows
    ]


async def list_names(session: AsyncSession, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Person → name; who is not there is left out."""
    if not user_ids:
        return {}
    rows = await session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
    return {row.id: row.name for row in rows}
