"""What the database tells of the whole installation: queues, schedule, connections, drift, notices. As the role oodaloo_jobs.

No answer names a business, and no label has more values than its column has kinds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from infra.jobs.outbox import QUEUES

# Plain SQL without parameters: `oodaloo doctor` asks the same over a connection of its own.
QUEUE_STANDINGS = """
SELECT queue, sum(due)::bigint, sum(running)::bigint, sum(later)::bigint, sum(dead)::bigint,
  coalesce(max(oldest_due_seconds), 0)::float8
FROM (
  SELECT queue, count(*) FILTER (WHERE is_free AND due_at <= now()) AS due, count(*) FILTER (WHERE NOT is_free) AS running,
    count(*) FILTER (WHERE is_free AND due_at > now()) AS later, 0 AS dead,
    extract(epoch FROM now() - min(due_at) FILTER (WHERE is_free AND due_at <= now())) AS oldest_due_seconds
  FROM (SELECT queue, due_at, leased_until IS NULL OR leased_until < now() AS is_free
        FROM outbox WHERE finished_at IS NULL AND dead_at IS NULL) living GROUP BY queue
  UNION ALL
  SELECT queue, 0, 0, 0, count(*), NULL FROM outbox WHERE dead_at IS NOT NULL AND finished_at IS NULL GROUP BY queue
) each GROUP BY queue ORDER BY queue
"""
TICKS = "SELECT job, slot, greatest(extract(epoch FROM now() - slot), 0)::float8 FROM cron_tick ORDER BY job"
# Of a company that is read: the age of its oldest kind of object.
_CONNECTIONS = """
SELECT c.rail, c.state, count(*), count(*) FILTER (WHERE s.oldest IS NULL),
  count(*) FILTER (WHERE s.oldest < now() - interval '24 hours'),
  coalesce(max(extract(epoch FROM now() - s.oldest)) FILTER (WHERE c.state = 'active'), 0)::float8
FROM connection c LEFT JOIN (
  SELECT business_id, rail, min(last_synced_at) FILTER (WHERE synced_through IS NOT NULL) AS oldest FROM sync_state GROUP BY 1, 2
) s ON s.business_id = c.business_id AND s.rail = c.rail
GROUP BY 1, 2 ORDER BY 1, 2
"""
_DRIFT = "SELECT kind, count(*) FROM drift_item WHERE repaired_at IS NULL GROUP BY 1 ORDER BY 1"
_NOTICES = "SELECT kind, severity, count(*) FROM notice WHERE resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"


@dataclass(frozen=True)
class QueueStanding:
    """`due` may be taken now, `running` is under a lease, `later` waits for its time, `dead` for a person."""

    queue: str
    due: int = 0
    running: int = 0
    later: int = 0
    dead: int = 0
    oldest_due_seconds: float = 0.0


@dataclass(frozen=True)
class Tick:
    """The latest time at which an entry of the schedule came round."""

    job: str
    slot: datetime
    seconds_ago: float


@dataclass(frozen=True)
class ConnectionsStanding:
    """Of one rail and state: how many, of which `unread` were never read whole and `stale` are over 24 hours old."""

    rail: str
    state: str
    count: int
    unread: int
    stale: int
    oldest_sync_seconds: float


@dataclass(frozen=True)
class OpenDrift:
    kind: str
    count: int


@dataclass(frozen=True)
class OpenNotices:
    kind: str
    severity: str
    count: int


def queues_of(rows: Any) -> list[QueueStanding]:
    """Every queue, also one without a row."""
    found = {row[0]: QueueStanding(*row) for row in rows}
    return [found.pop(queue, QueueStanding(queue)) for queue in QUEUES] + list(found.values())


async def list_queues(session: AsyncSession) -> list[QueueStanding]:
    return queues_of(await session.execute(text(QUEUE_STANDINGS)))


def _listing(sql: str, make: Callable[..., Any]) -> Callable[[AsyncSession], Awaitable[list[Any]]]:
    statement = text(sql)

    async def look(session: AsyncSession) -> list[Any]:
        return [make(*row) for row in await session.execute(statement)]

    return look


list_ticks: Callable[[AsyncSession], Awaitable[list[Tick]]] = _listing(TICKS, Tick)
list_connections: Callable[[AsyncSession], Awaitable[list[ConnectionsStanding]]] = _listing(
    _CONNECTIONS, ConnectionsStanding
)
list_open_drift: Callable[[AsyncSession], Awaitable[list[OpenDrift]]] = _listing(_DRIFT, OpenDrift)
list_open_notices: Callable[[AsyncSession], Awaitable[list[OpenNotices]]] = _listing(_NOTICES, OpenNotices)
