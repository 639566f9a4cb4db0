"""SELECTs over the people of a business, for the role that sees people and no books."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.people import Membership, User
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


async def list_names(session: AsyncSession, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Person → name; who is not there is left out."""
    if not user_ids:
        return {}
    rows = await session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
    return {row.id: row.name for row in rows}
