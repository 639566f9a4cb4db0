"""PostgreSQL is the queue: the wish for a job is a row in the transaction of the fact that asks for it; RQ is only the doorbell.

RQ may lose, double or delay a ring. A claim is a compare-and-set on this row, and the sweeper rings whatever is due.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, select, text, union_all, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base

QUEUES = ("actions", "interactive", "sync", "bulk")
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 8
RAIL_PAUSE = timedelta(minutes=2)


class OutboxRow(Base):
    """A job that was asked for. It holds ids only. `business_id` is the business whose fact asks for it, if it is one's.

    `due_at` is when it may next be run, `leased_until` how long its worker is believed alive; `finished_at` ends it, `dead_at`
    too, kept to be shown and replayed. Every time is the database's own.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "queue", "due_at", postgresql_where=text("finished_at IS NULL AND dead_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    business_id: Mapped[UUID | None]
    queue: Mapped[str]
    job: Mapped[str]
    arguments: Mapped[list[Any]] = mapped_column(JSONB)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    finished_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


@dataclass(frozen=True)
class Ring:
    """What the doorbell needs of a row."""

    outbox_id: int
    queue: str
    attempts: int


@dataclass(frozen=True)
class ClaimedJob:
    outbox_id: int
    job: str
    arguments: list[str]
    attempts: int


def _is_due() -> Any:
    now = func.clock_timestamp()
    is_free = OutboxRow.leased_until.is_(None) | (OutboxRow.leased_until < now)
    return OutboxRow.finished_at.is_(None) & OutboxRow.dead_at.is_(None) & (OutboxRow.due_at <= now) & is_free


async def list_due(session: AsyncSession, *, limit: int = 200) -> list[Ring]:
    """Rows that a worker may claim now, at most `limit` a queue, its oldest first: a full queue keeps no other from being rung."""
    of_each_queue = [
        select(OutboxRow.id, OutboxRow.queue, OutboxRow.attempts)
        .where(OutboxRow.queue == queue, _is_due())
        .order_by(OutboxRow.due_at)
        .limit(limit)
        .subquery()
        for queue in QUEUES
    ]
    rows = await session.execute(union_all(*map(select, of_each_queue)))
    return [Ring(*row) for row in rows]


async def claim(session: AsyncSession, outbox_id: int, *, lease: timedelta = LEASE) -> ClaimedJob | None:
    """Take the row for one lease; None when it is done, leased by another or not due: a double ring is no work.

    A job that took its worker down with it in every attempt is dead too, or it would do so for ever.
    """
    row = (
        await session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == outbox_id, _is_due(), OutboxRow.attempts < MOST_ATTEMPTS)
            .values(leased_until=func.clock_timestamp() + lease, attempts=OutboxRow.attempts + 1)
            .returning(OutboxRow.id, OutboxRow.job, OutboxRow.arguments, OutboxRow.attempts)
        )
    ).one_or_none()
    if row is not None:
        return ClaimedJob(*row)
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == outbox_id, _is_due(), OutboxRow.attempts >= MOST_ATTEMPTS)
        .values(
            dead_at=func.clock_timestamp(),
            leased_until=None,
            last_error=f"no worker lived to the end of any of {MOST_ATTEMPTS} attempts",
        )
        .execution_options(synchronize_session=False)
    )
    return None


async def extend_lease(session: AsyncSession, claimed: ClaimedJob, *, lease: timedelta = LEASE) -> None:
    await _change(session, claimed, leased_until=func.clock_timestamp() + lease)


async def finish(session: AsyncSession, claimed: ClaimedJob) -> None:
    await _change(session, claimed, finished_at=func.clock_timestamp(), leased_until=None, last_error=None)


async def put_off(session: AsyncSession, claimed: ClaimedJob, *, error: str) -> None:
    """Try again after 5, 10, 20 … seconds; after eight attempts the job is dead and waits for a person."""
    if claimed.attempts >= MOST_ATTEMPTS:
        await bury(session, claimed, error=error)
        return
    pause = timedelta(seconds=5 * 2 ** (claimed.attempts - 1))
    await _change(session, claimed, due_at=func.clock_timestamp() + pause, leased_until=None, last_error=error)


async def wait_for_rail(session: AsyncSession, claimed: ClaimedJob, *, error: str) -> None:
    """Try again in two minutes, for as long as it takes: that a rail is down says nothing against the job, so it is no attempt."""
    await _change(
        session,
        claimed,
        due_at=func.clock_timestamp() + RAIL_PAUSE,
        attempts=OutboxRow.attempts - 1,
        leased_until=None,
        last_error=error,
    )


async def bury(session: AsyncSession, claimed: ClaimedJob, *, error: str) -> None:
    """No further attempt can help without a person."""
    await _change(session, claimed, dead_at=func.clock_timestamp(), leased_until=None, last_error=error)


async def _change(session: AsyncSession, claimed: ClaimedJob, **values: Any) -> None:
    """Only by the attempt that holds the row: one whose lease ran out and was taken over changes nothing."""
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == claimed.outbox_id, OutboxRow.attempts == claimed.attempts)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
