"""Whether a business's mirrors are the same as before, told by a few rows and not by looking at them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from infra.config import Rail

# Mirrors change in two ways alone: a recorded run stores what a rail delivered (one that failed may have stored some), and an
# action stores what it was shown. Both note it beside the mirrors' state, by the database's clock; of the notes all count, since the
# latest may be of one that committed before another. The latest run, and what was settled last, are what a process of an earlier
# release tells. What was settled counts besides: what waits for an action that is over is nobody's to wait for any more.
_MARK = text("""
SELECT (SELECT id FROM sync_run
        WHERE business_id = :business_id AND rail = :rail AND (changed > 0 OR state = 'failed') AND finished_at IS NOT NULL
        ORDER BY finished_at DESC LIMIT 1),
       (SELECT max(settled_at) FROM action_intent
        WHERE business_id = :business_id AND settled_at IS NOT NULL AND NOT (state = 'cancelled' AND fence = 0)),
       (SELECT md5(string_agg(CAST(kept_at AS text), ' ' ORDER BY entity)) FROM sync_state
        WHERE business_id = :business_id AND rail = :rail)
""")


# The same of many.
_MARKS = text("""
SELECT b.id, r.id, a.settled_at, k.kept
FROM unnest(CAST(:business_ids AS uuid[])) AS b(id)
LEFT JOIN LATERAL (
  SELECT id FROM sync_run
  WHERE business_id = b.id AND rail = :rail AND (changed > 0 OR state = 'failed') AND finished_at IS NOT NULL
  ORDER BY finished_at DESC LIMIT 1
) AS r ON true
LEFT JOIN LATERAL (
  SELECT max(settled_at) AS settled_at FROM action_intent
  WHERE business_id = b.id AND settled_at IS NOT NULL AND NOT (state = 'cancelled' AND fence = 0)
) AS a ON true
LEFT JOIN LATERAL (
  SELECT md5(string_agg(CAST(kept_at AS text), ' ' ORDER BY entity)) AS kept FROM sync_state WHERE business_id = b.id AND rail = :rail
) AS k ON true
""")


async def books_mark(session: AsyncSession, business_id: UUID, rail: Rail) -> str:
    """A text that is another once something was stored; until then the same."""
    run, settled, kept = (await session.execute(_MARK, {"business_id": business_id, "rail": rail.value})).one()
    return f"{run}/{settled}/{kept}"


async def books_marks(session: AsyncSession, business_ids: Sequence[UUID], rail: Rail) -> dict[UUID, str]:
    """Of each of these businesses."""
    rows = await session.execute(_MARKS, {"business_ids": list(business_ids), "rail": rail.value})
    return {row[0]: f"{row[1]}/{row[2]}/{row[3]}" for row in rows}
