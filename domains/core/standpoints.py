"""What was known and expected on a day, kept to be compared with. What is in it the runway alone reads."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import LargeBinary, PrimaryKeyConstraint, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domains.core.forecast_models import ForecastSource
from infra.db.base import Base

_WEEK = timedelta(weeks=1)


class StandpointRow(Base):
    __tablename__ = "forecast_standpoint"
    __table_args__ = (PrimaryKeyConstraint("business_id", "as_of"),)

    business_id: Mapped[UUID]
    as_of: Mapped[date]
    source: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


async def keep(
    session: AsyncSession, business_id: UUID, as_of: date, *, source: ForecastSource, content: bytes, since: date
) -> None:
    """Unless that day has one. What is older than `since` goes."""
    row = StandpointRow
    values = {"business_id": business_id, "as_of": as_of, "source": source.value, "content": content}
    await session.execute(insert(row).values(values).on_conflict_do_nothing())
    await session.execute(delete(row).where(row.business_id == business_id, row.as_of < since))


async def list_days(session: AsyncSession, business_id: UUID) -> set[date]:
    return set(await session.scalars(select(StandpointRow.as_of).where(StandpointRow.business_id == business_id)))


def last_week_of(days: set[date], today: date, *, oldest_days: int) -> date | None:
    """What `today` is compared with: last week's Monday or the nearest before it, else whatever is between that and today."""
    last_monday = today - timedelta(days=today.weekday()) - _WEEK
    near = sorted(day for day in days if today - timedelta(days=oldest_days) <= day < today)
    return max((day for day in near if day <= last_monday), default=near[0] if near else None)


async def get(session: AsyncSession, business_id: UUID, as_of: date) -> StandpointRow:
    return await session.get_one(StandpointRow, (business_id, as_of))
