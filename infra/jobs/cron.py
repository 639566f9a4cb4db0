"""The schedule. RQ's CronScheduler holds it and shows it; PostgreSQL says when an entry came round, and the outbox what is to be run.

RQ would enqueue by itself, once for each scheduler that runs and not at all while Redis is away or nobody runs. A row an entry, moved
on by compare-and-set, gives one run a slot to any number of schedulers, and one for all the slots that were missed.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from croniter import croniter
from redis import Redis
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs import outbox
from infra.logging import get_logger

LOOK_EVERY_SECONDS = 2.0
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

log = get_logger()


class CronTick(Base):
    """The latest slot of an entry that was run for, by the database's clock."""

    __tablename__ = "cron_tick"

    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[datetime]


@dataclass(frozen=True)
class CronEntry:
    """A job, its queue, and when: `every` so long, or at the times of a `cron` line in UTC."""

    job: str
    queue: str
    every: timedelta | None = None
    cron: str | None = None

    def slot_at(self, now: datetime) -> datetime:
        """The latest time of the entry that is not after `now`."""
        if self.every is not None:
            return now - (now - _EPOCH) % self.every
        first_after = now.replace(microsecond=0) + timedelta(seconds=1)
        return _aware(croniter(self.cron, first_after).get_prev(datetime))

    def slot_after(self, slot: datetime) -> datetime:
        if self.every is not None:
            return slot + self.every
        return _aware(croniter(self.cron, slot).get_next(datetime))


class Cron:
    """One scheduler process's part in the schedule."""

    def __init__(self, entries: Sequence[CronEntry], *, uow: UnitOfWorkFactory, redis_url: str) -> None:
        self._entries = entries
        self._uow = uow
        self._redis = Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
        self._shown = CronScheduler(self._redis, logging_level="WARNING", name=name)
        self._jobs: dict[str, CronJob] = {
            entry.job: self._shown.register(
                tick,
                entry.queue,
                args=(entry.job,),
                interval=int(entry.every.total_seconds()) if entry.every else None,
                cron=entry.cron,
                name=entry.job,
            )
            for entry in entries
        }

    async def keep(self) -> None:
        """Ask for what comes round, until cancelled. It outlives a database or a Redis that is away."""
        await self._show(self._shown.register_birth)
        try:
            while True:
                try:
                    await self.look()
                except SQLAlchemyError as error:
                    log.warning("jobs.cron.failed", error=type(error).__name__)
                await self._show(self._shown.heartbeat)
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        finally:
            await self._show(self._shown.register_death)
            self._redis.close()

    async def look(self) -> list[str]:
        """Ask for each job whose time has come and for which no other scheduler has; their names."""
        asked = []
        for entry in self._entries:
            async with self._uow([]) as unit:
                slot = await tick(unit.session, entry)
                if slot is None:
                    continue
                ring = await outbox.ask_once(
                    unit.session, entry.job, key="cron", queue=entry.queue, is_needed_after=False
                )
                unit.ring_for(ring)
            asked.append(entry.job)
            self._jobs[entry.job].set_enqueue_time(slot)
        if asked:
            await self._show(self._shown.save)
        return asked

    async def _show(self, what: object) -> None:
        """In Redis, for RQ's own tools and the health page; nothing depends on it."""
        try:
            await asyncio.to_thread(what)  # type: ignore[arg-type]  # RQ's methods have no types
        except RedisError as error:
            log.warning("jobs.cron.not_shown", error=type(error).__name__)


async def tick(session: AsyncSession, entry: CronEntry) -> datetime | None:
    """The slot that has come and that is ours to run for; None when there is none.

    A slot that lies further ahead than the next one was written by a clock that has been set back since.
    """
    now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    slot = entry.slot_at(now)
    statement = insert(CronTick).values(job=entry.job, slot=slot)
    taken = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=["job"],
            set_={"slot": slot},
            where=or_(CronTick.slot < slot, CronTick.slot > entry.slot_after(slot)),
        ).returning(CronTick.job)
    )
    return slot if taken is not None else None


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
