"""What a kept forecast brings into the tray, counted when it was kept: a list of businesses need not open their forecasts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from infra.db.base import Base
from infra.db.many import is_one_of


class KeptTrayRow(Base):
    """`mark` is the forecast's. `items` has `states` and `held`, see KeptTray: flat, for they are read by the hundred."""

    __tablename__ = "kept_tray"
    __table_args__ = (PrimaryKeyConstraint("business_id"),)

    business_id: Mapped[UUID]
    mark: Mapped[str]
    counted_at: Mapped[datetime]
    items: Mapped[dict[str, Any]]


class KeptTray(NamedTuple):
    """`states`: item → what `dismiss` and `snooze` hold on to. `held`: "Bill:145", as open actions name it at the rail → the item about it."""

    mark: str
    counted_at: datetime
    states: Mapping[str, str]
    held: Mapping[str, str]


async def list_kept(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, KeptTray]:
    query = select(KeptTrayRow.business_id, KeptTrayRow.mark, KeptTrayRow.counted_at, KeptTrayRow.items)
    rows = await session.execute(query.where(is_one_of(KeptTrayRow.business_id, business_ids)))
    return {row[0]: KeptTray(row[1], row[2], row[3]["states"], row[3]["held"]) for row in rows}


async def keep(session: AsyncSession, business_id: UUID, tray: KeptTray) -> None:
    """Unless a later one is there."""
    values = {
        "mark": tray.mark,
        "counted_at": tray.counted_at,
        "items": {"states": dict(tray.states), "held": dict(tray.held)},
    }
    statement = insert(KeptTrayRow).values(business_id=business_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["business_id"],
            set_={name: statement.excluded[name] for name in values},
            where=KeptTrayRow.counted_at <= statement.excluded.counted_at,
        )
    )
