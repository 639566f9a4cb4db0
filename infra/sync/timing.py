"""Who is active, and who is due: a business with a user in front of it is synced sooner, an idle one later."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from infra.config import Rail, SyncSettings
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger

IDLE_AFTER, SLEEPING_AFTER = timedelta(days=3), timedelta(days=14)
NOTED_EVERY = timedelta(minutes=1)
DIRTY_FOR = timedelta(minutes=1)  # an announced change that its own job has not brought by then
_LONGEST_BACK_OFF = timedelta(hours=1)
_MOST_KEPT = 100_000
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

log = get_logger()


class BusinessActivity(Base):
    """When a person or program last looked at the business, right to the minute."""

    __tablename__ = "business_activity"
    __table_args__ = (PrimaryKeyConstraint("business_id"),)

    business_id: Mapped[UUID]
    last_active_at: Mapped[datetime]


@dataclass(frozen=True)
class SyncStanding:
    """What is known of one business's sync. `last_synced_at` is of its oldest kind; `failures` are refreshes that failed in a row.

    `is_backfilling`: no kind of object has been read to its end yet. `is_under_way`: somebody refreshes it now.
    """

    business_id: UUID
    last_synced_at: datetime | None
    last_active_at: datetime | None
    dirty_since: datetime | None
    is_backfilling: bool
    is_under_way: bool
    failures: int
    last_tried_at: datetime | None


# Of oodaloo_jobs, or of whoever sees the business. Each table is read once: of 10,000 companies a third of what sub-queries for each cost.
_STANDINGS = """
SELECT c.business_id, s.last_synced_at, a.last_active_at, s.dirty_since, coalesce(s.is_backfilling, true),
  coalesce(l.finished_at IS NULL AND l.leased_until >= clock_timestamp(), false),
  coalesce(l.failures, 0), l.began_at
FROM (SELECT DISTINCT business_id, rail FROM {source} WHERE rail = :rail AND {condition}) c
LEFT JOIN (
  SELECT business_id, min(coalesce(last_synced_at, backfill_started_at)) FILTER (WHERE synced_through IS NOT NULL) AS last_synced_at,
    min(dirty_since) AS dirty_since, bool_and(synced_through IS NULL) AS is_backfilling
  FROM sync_state WHERE rail = :rail AND {of_states} GROUP BY business_id
) s ON s.business_id = c.business_id
LEFT JOIN business_activity a ON a.business_id = c.business_id
LEFT JOIN refresh_lease l ON l.business_id = c.business_id AND l.rail = c.rail
"""
_OF_ALL = text(_STANDINGS.format(source="connection", condition="state = 'active'", of_states="true"))
_MINE = "business_id = :business_id"
_OF_ONE = text(_STANDINGS.format(source="sync_state", condition=_MINE, of_states=_MINE))

Thrifty = Callable[[], Awaitable[Collection[UUID]]]


async def _nobody() -> Collection[UUID]:
    return ()


class SyncTimingManager:
    """Notes who is active, and says who is due.

    Args:
        uow: as the application's role.
        thrifty: the businesses whose call budget is nearly used up: background work makes them wait longest.
    """

    def __init__(
        self, uow: UnitOfWorkFactory, *, settings: SyncSettings | None = None, thrifty: Thrifty = _nobody
    ) -> None:
        self._uow = uow
        self._settings = settings or SyncSettings()
        self._thrifty = thrifty
        self._noted: dict[UUID, datetime] = {}
        self._waiting: dict[UUID, datetime] = {}
        self._flush: asyncio.Task[None] | None = None

    def note_activity(self, business_id: UUID, *, now: datetime) -> None:
        """A person or program looks at the business. At most one write a minute and business, by a task of its own."""
        last = self._noted.get(business_id)
        if last is not None and timedelta(0) <= now - last < NOTED_EVERY:
            return
        if len(self._noted) >= _MOST_KEPT:
            self._noted.clear()
        self._noted[business_id] = self._waiting[business_id] = now
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._write())

    async def flush(self) -> None:
        """Wait until what was noted is written."""
        if self._flush is not None:
            await self._flush

    def interval(self, standing: SyncStanding, *, now: datetime, is_thrifty: bool = False) -> timedelta:
        """How long the business goes without a refresh."""
        settings, active = self._settings, standing.last_active_at
        if is_thrifty or (active is not None and now - active > SLEEPING_AFTER):
            return settings.sync_sleeping_every
        if active is not None and now - active > IDLE_AFTER:
            return settings.sync_idle_every
        if active is not None and now - active <= settings.sync_active_for:
            return settings.sync_active_every
        return settings.sync_every

    def is_due(self, standing: SyncStanding, *, now: datetime, is_thrifty: bool = False) -> bool:
        """Whether the schedule's time for this business has come.

        Each business has instants of its own, an interval apart, so that they spread over it. One that somebody refreshed within
        the last third of an interval lets an instant pass: the mirror is then four thirds of an interval old at most.
        """
        if standing.is_backfilling or standing.is_under_way or self._backs_off(standing, now=now):
            return False
        if standing.dirty_since is not None and now - standing.dirty_since >= DIRTY_FOR:
            return True
        last = standing.last_synced_at
        if last is None:
            return True
        interval = self.interval(standing, now=now, is_thrifty=is_thrifty)
        if now < last:  # a clock was set back
            return last - now > interval
        offset = interval * _share_of(standing.business_id)
        slots: int = (now - _EPOCH - offset) // interval - (last - _EPOCH - offset) // interval
        return slots > 0 and now - last >= interval / 3

    async def list_due(self, session: AsyncSession, rail: Rail, *, now: datetime) -> list[SyncStanding]:
        """Connected businesses whose time has come: those that fared well before those in trouble, the oldest first.

        Args:
            session: of the role oodaloo_jobs, which sees them all.
            rail: of which connections.
            now: the clock's.
        """
        rows = await session.execute(_OF_ALL, {"rail": rail.value})
        thrifty = frozenset(await self._thrifty())
        due = [
            one
            for one in (SyncStanding(*row) for row in rows)
            if self.is_due(one, now=now, is_thrifty=one.business_id in thrifty)
        ]
        return sorted(due, key=lambda one: (one.failures > 0, one.last_synced_at or _EPOCH))

    async def is_time_for(self, business_id: UUID, rail: Rail, *, now: datetime) -> bool:
        """Whether the schedule's time for this one has come."""
        async with self._uow([business_id]) as uow:
            row = (await uow.session.execute(_OF_ONE, {"business_id": business_id, "rail": rail.value})).one_or_none()
        if row is None:
            return False
        is_thrifty = business_id in await self._thrifty()
        return self.is_due(SyncStanding(*row), now=now, is_thrifty=is_thrifty)

    def _backs_off(self, standing: SyncStanding, *, now: datetime) -> bool:
        """After failures in a row the schedule waits 1, 2, 4 … minutes, an hour at most; a person who asks does not."""
        if standing.failures == 0 or standing.last_tried_at is None:
            return False
        pause: timedelta = min(timedelta(minutes=1) * 2 ** min(standing.failures - 1, 10), _LONGEST_BACK_OFF)
        return timedelta(0) <= now - standing.last_tried_at < pause

    async def _write(self) -> None:
        while self._waiting:
            noted, self._waiting = self._waiting, {}
            statement = insert(BusinessActivity).values(
                [{"business_id": business_id, "last_active_at": at} for business_id, at in sorted(noted.items())]
            )
            newer = statement.on_conflict_do_update(
                index_elements=["business_id"],
                set_={"last_active_at": statement.excluded.last_active_at},
                where=BusinessActivity.last_active_at <= statement.excluded.last_active_at - NOTED_EVERY,
            )
            try:
                async with self._uow(list(noted)) as uow:
                    await uow.session.execute(newer)
            except SQLAlchemyError as error:  # the next request of theirs is noted again
                log.warning("sync.activity.not_noted", businesses=len(noted), error=type(error).__name__)


def _share_of(business_id: UUID) -> float:
    """Where in an interval a business's instant lies, from 0 to 1: the same for ever, and even over all of them."""
    return int.from_bytes(blake2b(business_id.bytes, digest_size=4).digest(), "big") / 2**32
