"""PostgreSQL is the queue: the wish for a job is a row in the transaction of the fact that asks for it; RQ is only the doorbell.

RQ may lose, double or delay a ring. A claim is a compare-and-set on this row, and the sweeper rings whatever is due.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Identity,
    Index,
    Interval,
    Update,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base

QUEUES = ("actions", "interactive", "sync", "bulk")
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 8
NO_WORKER_LIVED = f"no worker lived to the end of any of {MOST_ATTEMPTS} attempts"
SHORTEST_RAIL_PAUSE, LONGEST_RAIL_PAUSE = timedelta(seconds=5), timedelta(minutes=2)
LIVING_KEY = text("key IS NOT NULL AND finished_at IS NULL AND dead_at IS NULL")


class OutboxRow(Base):
    """A job that was asked for. It holds ids only. `business_id` is the business whose fact asks for it, if it is one's.

    `due_at` is when it may next be run, `leased_until` how long its worker is believed alive; `finished_at` ends it, `dead_at`
    too, kept to be shown and replayed. Every time is the database's own. Of a job with a `key` one row lives at a time: asked for
    while it runs it is `asked_again`, and its end makes the next row.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "queue", "due_at", postgresql_where=text("finished_at IS NULL AND dead_at IS NULL")),
        Index("ix_outbox_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
        Index(
            "uq_outbox_living_key",
            "business_id",
            "job",
            "key",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=LIVING_KEY,
        ),
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
    key: Mapped[str | None]
    asked_again: Mapped[bool] = mapped_column(server_default="false")


_ROWS = Base.metadata.tables[OutboxRow.__tablename__]
_ASKING = insert(_ROWS).values(due_at=func.clock_timestamp() + bindparam("after", type_=Interval))
_LIVING: dict[str, Any] = {"index_elements": ["business_id", "job", "key"], "index_where": LIVING_KEY}
_IS_NEW = literal_column("(xmax = 0)", Boolean)  # not an update
_ASKED = (_ROWS.c.id, _ROWS.c.queue, _ROWS.c.attempts, _IS_NEW)
_ASK = _ASKING.on_conflict_do_nothing(**_LIVING).returning(*_ASKED)
_ASK_AGAIN = _ASKING.on_conflict_do_update(
    **_LIVING, set_={"asked_again": _ROWS.c.asked_again | _ROWS.c.leased_until.is_not(None)}
).returning(*_ASKED)

_CLAIMED = (OutboxRow.id, OutboxRow.job, OutboxRow.arguments, OutboxRow.attempts, OutboxRow.business_id)


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
    business_id: UUID | None = None
    lease: timedelta = LEASE


async def ask_once(
    session: AsyncSession,
    job: str,
    *arguments: str,
    key: str,
    queue: str,
    business_id: UUID | None = None,
    is_needed_after: bool = True,
    after: timedelta = timedelta(0),
) -> Ring | None:
    """Ask for a job that need not wait twice under one key; what to ring for, None when it waits or runs already.

    Asked for while it runs, it runs once more behind that, since it may have looked before the fact was there; unless it is not
    `is_needed_after`.
    """
    asked = {"business_id": business_id, "queue": queue, "job": job, "arguments": list(arguments), "key": key}
    statement = _ASK_AGAIN if is_needed_after else _ASK
    row = (await session.execute(statement, {**asked, "after": after})).one_or_none()
    is_to_ring = row is not None and row[3] and not after  # otherwise the sweeper does, when it is due
    return Ring(row[0], row[1], row[2]) if row is not None and is_to_ring else None


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


async def list_due_of(session: AsyncSession, queue: str, *, jobs: Collection[str], limit: int) -> list[tuple[int, str]]:
    """Rows of these jobs that a worker of the queue may claim now, with their jobs, those longest due first."""
    query = (
        select(OutboxRow.id, OutboxRow.job)
        .where(OutboxRow.queue == queue, OutboxRow.job.in_(jobs), _is_due())
        .order_by(OutboxRow.due_at)
        .limit(limit)
    )
    return [(outbox_id, job) for outbox_id, job in await session.execute(query)]


async def claim(
    session: AsyncSession, outbox_id: int, *, lease: timedelta = LEASE, leases: Mapping[str, timedelta] | None = None
) -> ClaimedJob | None:
    """Take the row for one lease; None when it is done, leased by another or not due: a double ring is no work.

    `leases` are those of jobs that have one of their own.
    """
    own = {job: each for job, each in (leases or {}).items() if each != lease}
    lasting = case({job: literal(each) for job, each in own.items()}, value=OutboxRow.job, else_=literal(lease))
    row = (
        await session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == outbox_id, _is_due(), OutboxRow.attempts < MOST_ATTEMPTS)
            .values(leased_until=func.clock_timestamp() + (lasting if own else lease), attempts=OutboxRow.attempts + 1)
            .returning(*_CLAIMED)
        )
    ).one_or_none()
    return None if row is None else replace(ClaimedJob(*row), lease=own.get(row.job, lease))


async def give_up(session: AsyncSession, outbox_id: int) -> ClaimedJob | None:
    """End the row, if it took its worker down with it in every attempt, or it would do so for ever; None if it did not."""
    row = (
        await session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == outbox_id, _is_due(), OutboxRow.attempts >= MOST_ATTEMPTS)
            .values(dead_at=func.clock_timestamp(), leased_until=None, last_error=NO_WORKER_LIVED)
            .returning(*_CLAIMED)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return None if row is None else ClaimedJob(*row)


async def extend_lease(session: AsyncSession, claimed: ClaimedJob) -> None:
    await _change(session, claimed, leased_until=func.clock_timestamp() + claimed.lease)


async def finish(session: AsyncSession, claimed: ClaimedJob) -> Ring | None:
    """It is done. Asked for again meanwhile, it makes way for the next: what to ring for then."""
    ended = (
        await session.execute(
            _of(claimed)
            .values(finished_at=func.clock_timestamp(), leased_until=None, last_error=None)
            .returning(OutboxRow.asked_again, OutboxRow.key, OutboxRow.queue)
        )
    ).one_or_none()
    if ended is None or not ended.asked_again:
        return None
    return await ask_once(
        session,
        claimed.job,
        *claimed.arguments,
        key=ended.key,
        queue=ended.queue,
        business_id=claimed.business_id,
    )


async def put_off(session: AsyncSession, claimed: ClaimedJob, *, error: str) -> bool:
    """Try again after 5, 10, 20 … seconds; after eight attempts the job is dead and waits for a person. True: it is dead."""
    if claimed.attempts >= MOST_ATTEMPTS:
        return await bury(session, claimed, error=error)
    pause = timedelta(seconds=5 * 2 ** (claimed.attempts - 1))
    await _change(session, claimed, due_at=func.clock_timestamp() + pause, leased_until=None, last_error=error)
    return False


async def wait_for_rail(
    session: AsyncSession, claimed: ClaimedJob, *, error: str, at_least: timedelta = SHORTEST_RAIL_PAUSE
) -> None:
    """Try again for as long as it takes: that a rail is down says nothing against the job, so it is no attempt.

    The pause is a quarter of the time that the job has waited already, from five seconds to two minutes.
    """
    waited = func.clock_timestamp() - OutboxRow.requested_at
    pause = func.greatest(func.least(waited / 4, LONGEST_RAIL_PAUSE), at_least)
    await _change(
        session,
        claimed,
        due_at=func.clock_timestamp() + pause,
        attempts=OutboxRow.attempts - 1,
        leased_until=None,
        last_error=error,
    )


async def give_back(session: AsyncSession, claimed: ClaimedJob) -> None:
    """Whoever had it stopped before its end, for no fault of the job's: it is due at once, and this was no attempt."""
    now = func.clock_timestamp()
    await _change(session, claimed, due_at=now, attempts=OutboxRow.attempts - 1, leased_until=None)


async def bury(session: AsyncSession, claimed: ClaimedJob, *, error: str) -> bool:
    """No further attempt can help without a person. True when it was this attempt's to say."""
    return await _change(session, claimed, dead_at=func.clock_timestamp(), leased_until=None, last_error=error)


async def _change(session: AsyncSession, claimed: ClaimedJob, **values: Any) -> bool:
    changed = await session.execute(_of(claimed).values(**values).returning(OutboxRow.id))
    return changed.one_or_none() is not None


def _of(claimed: ClaimedJob) -> Update:
    """Only by the attempt that holds the row: one whose lease ran out and was taken over changes nothing."""
    return (
        update(OutboxRow)
        .where(
            OutboxRow.id == claimed.outbox_id,
            OutboxRow.attempts == claimed.attempts,
            OutboxRow.finished_at.is_(None),
            OutboxRow.dead_at.is_(None),
        )
        .execution_options(synchronize_session=False)
    )
