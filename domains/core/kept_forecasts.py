"""The forecast that was worked out last, one a business: what it was made of is told by its mark, what is in it the runway alone reads."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Index, LargeBinary, PrimaryKeyConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class KeptForecastRow(Base):
    """`mark` names the books, rules, day and formulas of it. `summary` is what a list of businesses shows; `day_ends_at` the instant from which it is yesterday's."""

    __tablename__ = "kept_forecast"
    __table_args__ = (PrimaryKeyConstraint("business_id"), Index("ix_kept_forecast_day_ends_at", "day_ends_at"))

    business_id: Mapped[UUID]
    as_of: Mapped[date]
    mark: Mapped[str]
    computed_at: Mapped[datetime]
    day_ends_at: Mapped[datetime]
    summary: Mapped[dict[str, Any]]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KeptSummary(NamedTuple):
    business_id: UUID
    as_of: date
    mark: str
    computed_at: datetime
    summary: dict[str, Any]


async def find_kept(session: AsyncSession, business_id: UUID) -> KeptForecastRow | None:
    found: KeptForecastRow | None = await session.scalar(
        select(KeptForecastRow).where(KeptForecastRow.business_id == business_id)
    )
    return found


async def list_summaries(session: AsyncSession, business_ids: Sequence[UUID]) -> list[KeptSummary]:
    columns = [getattr(KeptForecastRow, name) for name in KeptSummary._fields]
    query = select(*columns).where(KeptForecastRow.business_id.in_(business_ids))
    return [KeptSummary._make(row) for row in await session.execute(query)]


async def keep(session: AsyncSession, business_id: UUID, values: dict[str, Any]) -> None:
    """Unless a later one is there."""
    statement = insert(KeptForecastRow).values(business_id=business_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["business_id"],
            set_={name: statement.excluded[name] for name in values},
            where=KeptForecastRow.computed_at <= statement.excluded.computed_at,
        )
    )


async def list_of_yesterday(session: AsyncSession, *, now: datetime, limit: int) -> list[UUID]:
    """Businesses whose kept forecast is of a day that is over, of those that the session sees; the longest over first."""
    query = (
        select(KeptForecastRow.business_id)
        .where(KeptForecastRow.day_ends_at <= now)
        .order_by(KeptForecastRow.day_ends_at)
        .limit(limit)
    )
    return list(await session.scalars(query))
