from collections.abc import Collection
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from infra.jobs.outbox import LIVING_KEY, OutboxRow, Ring


async def ask_of_each_once(
    session: AsyncSession, job: str, business_ids: Collection[UUID], *, key: str, queue: str
) -> list[Ring]:
    """Ask for the same job of several businesses, its argument their id, as one statement; what to ring for.

    Of a business where it waits or runs already it is not asked for again.
    """
    if not business_ids:
        return []
    rows = [
        {"business_id": one, "queue": queue, "job": job, "arguments": [str(one)], "key": key}
        for one in sorted(business_ids)
    ]
    asking = insert(OutboxRow).values(rows)
    asking = asking.on_conflict_do_nothing(index_elements=["business_id", "job", "key"], index_where=LIVING_KEY)
    made = await session.execute(asking.returning(OutboxRow.id, OutboxRow.queue, OutboxRow.attempts))
    return [Ring(*row) for row in made]
