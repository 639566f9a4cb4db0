"""Jobs that no further attempt can help without a person: shown, and run again when somebody says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from infra.jobs.outbox import OutboxRow, Ring


@dataclass(frozen=True)
class DeadJob:
    id: int
    business_id: UUID | None
    job: str
    arguments: list[Any]
    requested_at: datetime
    dead_at: datetime
    attempts: int
    error: str | None


async def list_dead(session: AsyncSession, *, business_id: UUID | None = None, limit: int) -> list[DeadJob]:
    """The latest first; of one business, or of all and of none where none is given."""
    query = select(
        OutboxRow.id,
        OutboxRow.business_id,
        OutboxRow.job,
        OutboxRow.arguments,
        OutboxRow.requested_at,
        OutboxRow.dead_at,
        OutboxRow.attempts,
        OutboxRow.last_error,
    ).where(OutboxRow.dead_at.is_not(None), OutboxRow.finished_at.is_(None), *_of(business_id))
    rows = await session.execute(query.order_by(OutboxRow.dead_at.desc(), OutboxRow.id.desc()).limit(limit))
    return [DeadJob(*row) for row in rows]


async def revive(
    session: AsyncSession, *, outbox_id: int | None = None, business_id: UUID | None = None
) -> tuple[int, list[Ring]]:
    """Give them their attempts again: how many, and what to ring for. One whose like lives already is at its end instead."""
    named = () if outbox_id is None else (OutboxRow.id == outbox_id,)
    living = aliased(OutboxRow)
    has_successor = (
        select(living.id)
        .where(
            living.job == OutboxRow.job,
            living.key == OutboxRow.key,
            living.business_id.is_not_distinct_from(OutboxRow.business_id),
            living.finished_at.is_(None),
            living.dead_at.is_(None) | (living.id > OutboxRow.id),
        )
        .exists()
    )
    dead = (OutboxRow.dead_at.is_not(None), OutboxRow.finished_at.is_(None), *named, *_of(business_id))
    quiet = {"synchronize_session": False}
    ended = await session.execute(
        update(OutboxRow)
        .where(*dead, OutboxRow.key.is_not(None), has_successor)
        .values(finished_at=func.clock_timestamp())
        .returning(OutboxRow.id)
        .execution_options(**quiet)
    )
    revived = await session.execute(
        update(OutboxRow)
        .where(*dead)
        .values(dead_at=None, attempts=0, due_at=func.clock_timestamp(), leased_until=None)
        .returning(OutboxRow.id, OutboxRow.queue, OutboxRow.attempts)
        .execution_options(**quiet)
    )
    rings = [Ring(*row) for row in revived]
    return len(rings) + len(ended.all()), rings


def _of(business_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    return () if business_id is None else (OutboxRow.business_id == business_id,)
