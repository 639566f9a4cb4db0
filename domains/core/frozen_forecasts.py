"""Keeping forecasts as they were made, and the weeks that came. Each takes a session limited to the business, and filters by it once more."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.forecast_models import ForecastResult, ForecastSource, FrozenForecastRow


class Came(NamedTuple):
    """What one week brought; see ForecastResult."""

    frozen_on: date
    week: int
    receipts: Decimal
    disbursements: Decimal
    closing: Decimal


async def keep(
    session: AsyncSession,
    business_id: UUID,
    frozen_on: date,
    *,
    source: ForecastSource,
    currency: str,
    weeks: int,
    figures: dict[str, Any],
) -> bool:
    """Freeze a Monday's forecast; False when that Monday has one, which stays."""
    made = await session.execute(
        insert(FrozenForecastRow)
        .values(
            business_id=business_id,
            frozen_on=frozen_on,
            source=source.value,
            currency=currency,
            weeks=weeks,
            figures=figures,
        )
        .on_conflict_do_nothing()
        .returning(FrozenForecastRow.frozen_on)
    )
    return made.one_or_none() is not None


async def list_frozen(session: AsyncSession, business_id: UUID, *, since: date) -> list[FrozenForecastRow]:
    """Oldest first."""
    return list(
        await session.scalars(
            select(FrozenForecastRow)
            .where(FrozenForecastRow.business_id == business_id, FrozenForecastRow.frozen_on >= since)
            .order_by(FrozenForecastRow.frozen_on)
        )
    )


async def list_mondays(session: AsyncSession, business_id: UUID) -> set[date]:
    """Those that have a forecast."""
    query = select(FrozenForecastRow.frozen_on).where(FrozenForecastRow.business_id == business_id)
    return set(await session.scalars(query))


async def keep_results(session: AsyncSession, business_id: UUID, weeks: Sequence[Came], *, now: datetime) -> None:
    """Write down what came; a week judged before is judged anew, by the books of now."""
    if not weeks:
        return
    statement = insert(ForecastResult).values(
        [{"business_id": business_id, "judged_at": now, **week._asdict()} for week in weeks]
    )
    changed = {name: statement.excluded[name] for name in ("receipts", "disbursements", "closing", "judged_at")}
    keys = ["business_id", "frozen_on", "week"]
    await session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


async def list_results(session: AsyncSession, business_id: UUID, *, since: date) -> list[ForecastResult]:
    """In order of Monday and week."""
    return list(
        await session.scalars(
            select(ForecastResult)
            .where(ForecastResult.business_id == business_id, ForecastResult.frozen_on >= since)
            .order_by(ForecastResult.frozen_on, ForecastResult.week)
        )
    )
