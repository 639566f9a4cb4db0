"""Whether a business's mirrors are the same as before, told by a few rows and not by looking at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from infra.config import Rail
from infra.db.reads import Read

# Mirrors change in two ways alone: a recorded run stores what a rail delivered (one that failed may have stored some), and an
# action stores what it was shown. Both note it beside the mirrors' state, by the database's clock; of the notes all count, since the
# latest may be of one that committed before another. The latest run, and what was settled last, are what a process of an earlier
# release tells. What was settled counts besides: what waits for an action that is over is nobody's to wait for any more.
_MARKS = """
SELECT b.id, r.id, a.settled_at, k.kept
FROM unnest(%(business_ids)s::uuid[]) AS b(id)
LEFT JOIN LATERAL (
  SELECT id FROM sync_run
  WHERE business_id = b.id AND rail = %(rail)s::text AND (changed > 0 OR state = 'failed') AND finished_at IS NOT NULL
  ORDER BY finished_at DESC LIMIT 1
) AS r ON true
LEFT JOIN LATERAL (
  SELECT max(settled_at) AS settled_at FROM action_intent
  WHERE business_id = b.id AND settled_at IS NOT NULL AND NOT (state = 'cancelled' AND fence = 0)
) AS a ON true
LEFT JOIN LATERAL (
  SELECT md5(string_agg(CAST(kept_at AS text), ' ' ORDER BY entity)) AS kept FROM sync_state WHERE business_id = b.id AND rail = %(rail)s::text
) AS k ON true
"""


@dataclass(frozen=True)
class MarkedBooks:
    """`mark` is a text that is another once something was stored; `beside` are the rows of what else was read in the same round trip."""

    mark: str
    beside: Sequence[list[Any]]


def books_marks(business_ids: Sequence[UUID], rail: Rail) -> Read[tuple[UUID, str]]:
    """The mark of each of these businesses."""
    return Read(_MARKS, {"business_ids": list(business_ids), "rail": rail.value}, _marked)


def _marked(business_id: UUID, *of: Any) -> tuple[UUID, str]:
    return business_id, "/".join(map(str, of))
