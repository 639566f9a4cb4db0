"""What is not mirrored but dear to ask again: reports, KPI data, payment history. Good for four hours, or until the books change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, PrimaryKeyConstraint, and_, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.clock import Clock
from infra.config import Rail
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.runs import RunState, SyncRun, SyncState

GOOD_FOR = timedelta(minutes=240)
KEPT_FOR = timedelta(days=7)
_LONGEST_RUN = timedelta(hours=6)


class SyncCacheRow(Base):
    """One answer. `asked_at` is the instant before the call that brought it: everything up to then is in it."""

    __tablename__ = "sync_cache"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "key"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    key: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]


@dataclass(frozen=True)
class Cached:
    """`is_good`: neither too old nor older than a change of the books that was announced or stored."""

    value: Any
    asked_at: datetime
    is_good: bool


async def forget_old(session: AsyncSession, *, now: datetime) -> int:
    """Remove what nobody has asked for in a week, of the businesses that the session sees; how many answers."""
    gone = await session.execute(
        delete(SyncCacheRow)
        .where(SyncCacheRow.expires_at < now - KEPT_FOR)
        .returning(SyncCacheRow.key)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


class SyncCache:
    """One business's answers of one rail."""

    def __init__(self, business_id: UUID, rail: Rail, *, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._business_id = business_id
        self._rail = rail
        self._uow = uow
        self._clock = clock

    async def find(self, key: str) -> Cached | None:
        """The latest answer, even one that is no longer good: it can still be shown with its age."""
        row = SyncCacheRow
        is_good = and_(row.expires_at > self._clock.now(), ~self._has_changed_since(row.asked_at))
        query = select(row.value, row.asked_at, is_good).where(
            row.business_id == self._business_id, row.rail == self._rail.value, row.key == key
        )
        async with self._uow([self._business_id]) as uow:
            found = (await uow.session.execute(query)).one_or_none()
        return None if found is None else Cached(*found)

    async def set(self, key: str, value: Any, *, asked_at: datetime, good_for: timedelta = GOOD_FOR) -> None:
        """Keep an answer, unless a later one is there; what nobody has asked for in a week goes.

        `value` is JSON; amounts in it are texts or Decimal, so that they come back as they were.
        """
        statement = insert(SyncCacheRow).values(
            business_id=self._business_id,
            rail=self._rail.value,
            key=key,
            value=value,
            asked_at=asked_at,
            expires_at=asked_at + good_for,
        )
        new = statement.excluded
        later = statement.on_conflict_do_update(
            index_elements=["business_id", "rail", "key"],
            set_={"value": new.value, "asked_at": new.asked_at, "expires_at": new.expires_at},
            where=SyncCacheRow.asked_at <= new.asked_at,
        )
        forgotten = delete(SyncCacheRow).where(
            SyncCacheRow.business_id == self._business_id, SyncCacheRow.expires_at < asked_at - KEPT_FOR
        )
        async with self._uow([self._business_id]) as uow:
            await uow.session.execute(forgotten)
            await uow.session.execute(later)

    def _has_changed_since(self, asked_at: ColumnElement[datetime] | Any) -> ColumnElement[bool]:
        """A change was announced, or a run has stored some, or may have: one that goes on, or failed half-way."""
        announced = exists().where(
            SyncState.business_id == self._business_id,
            SyncState.rail == self._rail.value,
            SyncState.dirty_since >= asked_at,
        )
        stored = exists().where(
            SyncRun.business_id == self._business_id,
            SyncRun.rail == self._rail.value,
            SyncRun.started_at >= asked_at - _LONGEST_RUN,
            func.coalesce(SyncRun.finished_at, asked_at) >= asked_at,
            or_(SyncRun.changed > 0, SyncRun.state != RunState.DONE.value),
        )
        return or_(announced, stored)
