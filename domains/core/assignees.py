"""Whose a business is in the list of them: one person who looks after it, or nobody. It gives them no right."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.db.many import is_one_of

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('business_assignee:' || :business_id, 0))")


class BusinessAssigneeRow(Base):
    """Whose it is from `set_at` on; null: nobody's. The highest version counts, and rows are never changed."""

    __tablename__ = "business_assignee"
    __table_args__ = (PrimaryKeyConstraint("business_id", "version"),)

    business_id: Mapped[UUID]
    version: Mapped[int]
    user_id: Mapped[UUID | None]
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


async def list_assigned(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Business → person, of several businesses at once; those that are nobody's are not in it."""
    rows = await session.execute(
        select(BusinessAssigneeRow.business_id, BusinessAssigneeRow.user_id)
        .where(is_one_of(BusinessAssigneeRow.business_id, business_ids))
        .ext(distinct_on(BusinessAssigneeRow.business_id))
        .order_by(BusinessAssigneeRow.business_id, BusinessAssigneeRow.version.desc())
    )
    return {row.business_id: row.user_id for row in rows if row.user_id is not None}


async def assign(
    session: AsyncSession, business_id: UUID, user_id: UUID | None, *, actor: str, request_id: str
) -> None:
    """The next version; whose it is already makes none."""
    await session.execute(_LOCK, {"business_id": str(business_id)})
    held = await session.scalar(
        select(BusinessAssigneeRow)
        .where(BusinessAssigneeRow.business_id == business_id)
        .order_by(BusinessAssigneeRow.version.desc())
        .limit(1)
    )
    if (held.user_id if held else None) == user_id:
        return
    version = held.version + 1 if held else 1
    session.add(
        BusinessAssigneeRow(
            business_id=business_id, version=version, user_id=user_id, actor=actor, request_id=request_id
        )
    )
    await session.flush()
