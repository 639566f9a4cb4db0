"""The forecast that was worked out last, one a business: what it was made of is told by its mark, what is in it the runway alone reads."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, PrimaryKeyConstraint, Text, cast, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.db.many import is_one_of

_A_WEEK = timedelta(weeks=1)


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


class KeptWeekRow(Base):
    """The last forecast of a week, by its Monday: what the weeks after it are compared with."""

    __tablename__ = "kept_week"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "week_on"),
        CheckConstraint("extract(isodow from week_on) = 1", name="monday"),
    )

    business_id: Mapped[UUID]
    week_on: Mapped[date]
    as_of: Mapped[date]
    computed_at: Mapped[datetime]
    summary: Mapped[dict[str, Any]]


class KeptSummary(NamedTuple):
    business_id: UUID
    as_of: date
    mark: str
    computed_at: datetime
    summary: str


async def find_kept(session: AsyncSession, business_id: UUID) -> KeptForecastRow | None:
    found: KeptForecastRow | None = await session.scalar(
        select(KeptForecastRow).where(KeptForecastRow.business_id == business_id)
    )
    return found


async def list_summaries(session: AsyncSession, business_ids: Sequence[UUID]) -> list[KeptSummary]:
    """`summary` as its JSON: who reads two hundred of them knows its shape, and reads it faster so."""
    columns = [getattr(KeptForecastRow, name) for name in KeptSummary._fields if name != "summary"]
    query = select(*columns, cast(KeptForecastRow.summary, Text)).where(
        is_one_of(KeptForecastRow.business_id, business_ids)
    )
    return [KeptSummary._make(row) for row in await session.execute(query)]


async def list_weeks_before(session: AsyncSession, weeks: Mapping[UUID, date]) -> dict[UUID, tuple[date, str]]:
    """Business → the day and summary of the last forecast of the week before the one given; none was kept of those left out."""
    before = {business_id: week_on - _A_WEEK for business_id, week_on in weeks.items()}
    rows = await session.execute(
        select(KeptWeekRow.business_id, KeptWeekRow.week_on, KeptWeekRow.as_of, cast(KeptWeekRow.summary, Text)).where(
            is_one_of(KeptWeekRow.business_id, list(before)), KeptWeekRow.week_on.in_(set(before.values()))
        )
    )
    return {row[0]: (row[2], row[3]) for row in rows if before[row[0]] == row[1]}


async def keep(session: AsyncSession, business_id: UUID, values: dict[str, Any]) -> None:
    """Unless a later one is there; as its week's last one besides."""
    await _keep(session, KeptForecastRow, {"business_id": business_id}, values)
    week = {"business_id": business_id, "week_on": values["as_of"] - timedelta(days=values["as_of"].weekday())}
    await _keep(session, KeptWeekRow, week, {name: values[name] for name in ("as_of", "computed_at", "summary")})


async def _keep(
    session: AsyncSession, table: type[KeptForecastRow | KeptWeekRow], key: dict[str, Any], values: dict[str, Any]
) -> None:
    statement = insert(table).values(**key, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_={name: statement.excluded[name] for name in values},
            where=table.computed_at <= statement.excluded.computed_at,
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
