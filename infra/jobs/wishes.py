"""Asking for many jobs of one business at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from infra.jobs.outbox import LIVING_KEY, OutboxRow, Ring


@dataclass(frozen=True)
class Wish:
    """A job of one business that is asked for with others like it."""

    key: str
    arguments: tuple[str, ...]
    after: timedelta = timedelta(0)


async def ask_each_once(
    session: AsyncSession, job: str, wishes: Collection[Wish], *, queue: str, business_id: UUID
) -> list[Ring]:
    """As `outbox.ask_once` of each, as one statement, none of them needed again behind one that runs: what to ring for."""
    if not wishes:
        return []
    rows = [
        {
            "business_id": business_id,
            "queue": queue,
            "job": job,
            "arguments": list(wish.arguments),
            "key": wish.key,
            "due_at": func.clock_timestamp() + wish.after,
        }
        for wish in wishes
    ]
    asking = insert(OutboxRow).values(rows)
    asking = asking.on_conflict_do_nothing(index_elements=["business_id", "job", "key"], index_where=LIVING_KEY)
    made = await session.execute(asking.returning(OutboxRow.id, OutboxRow.queue, OutboxRow.attempts, OutboxRow.key))
    later = {wish.key for wish in wishes if wish.after}
    return [Ring(row.id, row.queue, row.attempts) for row in made if row.key not in later]
