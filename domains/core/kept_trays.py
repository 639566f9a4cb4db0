"""What a kept forecast brings into the tray, counted when it was kept: a list of businesses need not open their forecasts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class KeptTrayRow(Base):
    """`mark` is the forecast's. `items` are [key, state, kind at the rail, id at the rail], the last two null of what is no document."""

    __tablename__ = "kept_tray"
    __table_args__ = (PrimaryKeyConstraint("business_id"),)

    business_id: Mapped[UUID]
    mark: Mapped[str]
    counted_at: Mapped[datetime]
    items: Mapped[list[list[Any]]] = mapped_column(JSONB)


class KeptItem(NamedTuple):
    """`state` is what `dismiss` and `snooze` hold on to."""

    key: str
    state: str
    kind: str | None = None
    external_id: str | None = None


class KeptTray(NamedTuple):
    mark: str
    counted_at: datetime
    items: tuple[KeptItem, ...]


async def list_kept(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, KeptTray]:
    query = select(KeptTrayRow.business_id, KeptTrayRow.mark, KeptTrayRow.counted_at, KeptTrayRow.items)
    rows = await session.execute(query.where(KeptTrayRow.business_id.in_(business_ids)))
    return {row[0]: KeptTray(row[1], row[2], tuple(KeptItem(*item) for item in row[3])) for row in rows}


async def keep(session: AsyncSession, business_id: UUID, tray: KeptTray) -> None:
    """Unless a later one is there."""
    values = {"mark": tray.mark, "counted_at": tray.counted_at, "items": [list(item) for item in tray.items]}
    statement = insert(KeptTrayRow).values(business_id=business_id, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["business_id"],
            set_={name: statement.excluded[name] for name in values},
            where=KeptTrayRow.counted_at <= statement.excluded.counted_at,
        )
    )
