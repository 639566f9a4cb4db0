"""Announcements of rails, stored before they are believed: what arrived, once, and what has been done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra import exact_json
from infra.config import Rail
from infra.db.base import Base
from infra.jobs.outbox import Ring


class WebhookEvent(Base):
    """One change that a rail announced of one of its companies. `event_key` tells it from every other: a second one is dropped.

    It names no business: which one has the company is looked up when it is worked off.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        PrimaryKeyConstraint("rail", "event_key"),
        Index("ix_webhook_event_waiting", "rail", "external_account_id", postgresql_where=text("done_at IS NULL")),
    )

    rail: Mapped[str]
    event_key: Mapped[bytes]
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    external_account_id: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str]
    operation: Mapped[str]
    occurred_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    done_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Announcement:
    """One change as its rail's room read it."""

    key: bytes
    external_account_id: str
    entity: str
    external_id: str
    operation: str
    occurred_at: datetime | None
    details: dict[str, str]


# What is new is stored, and for each account with something new one job waits: asked for again while it runs, it runs again behind.
# The job is of the business that has the account; of an account that nobody has it is nobody's, and drops it.
_STORE = text("""
WITH told AS (
  SELECT * FROM jsonb_to_recordset(cast(:told AS jsonb)) AS t(
    key text, account text, entity text, external_id text, operation text, occurred_at timestamptz, details jsonb)
), stored AS (
  INSERT INTO webhook_event (rail, event_key, external_account_id, entity, external_id, operation, occurred_at, details)
  SELECT :rail, decode(key, 'hex'), account, entity, external_id, operation, occurred_at, details FROM told
  ORDER BY key
  ON CONFLICT DO NOTHING
  RETURNING external_account_id
), asked AS (
  INSERT INTO outbox (business_id, queue, job, arguments, key)
  SELECT (SELECT business_id FROM connection c WHERE c.rail = :rail AND c.external_account_id = s.account AND c.state = 'active'),
    :queue, :job, jsonb_build_array(s.account), s.account
  FROM (SELECT DISTINCT external_account_id AS account FROM stored ORDER BY 1) s
  ON CONFLICT (business_id, job, key) WHERE key IS NOT NULL AND finished_at IS NULL AND dead_at IS NULL
  DO UPDATE SET asked_again = outbox.asked_again OR outbox.leased_until IS NOT NULL
  RETURNING id, xmax = 0 AS is_new
)
SELECT (SELECT count(*) FROM stored), (SELECT array_agg(id) FROM asked WHERE is_new)
""")


async def store(
    session: AsyncSession, rail: Rail, announcements: Sequence[Announcement], *, job: str, queue: str
) -> tuple[int, list[Ring]]:
    """Keep those that are new, and ask for `job` with the account as argument, in one statement; how many, and what to ring for.

    Args:
        session: of the role oodaloo_jobs.
        rail: whose they are.
        announcements: no two of one key.
        job: what works them off.
        queue: the job's.
    """
    told = [
        {
            "key": one.key.hex(),
            "account": one.external_account_id,
            "entity": one.entity,
            "external_id": one.external_id,
            "operation": one.operation,
            "occurred_at": one.occurred_at,
            "details": one.details,
        }
        for one in announcements
    ]
    values = {"told": exact_json.dumps(told).decode(), "rail": rail.value, "job": job, "queue": queue}
    stored, asked = (await session.execute(_STORE, values)).one()
    return stored, [Ring(outbox_id, queue, attempts=0) for outbox_id in asked or ()]


async def list_waiting(
    session: AsyncSession, rail: Rail, external_account_id: str, *, limit: int
) -> list[WebhookEvent]:
    """What is not worked off yet, in the order it came."""
    return list(
        await session.scalars(
            select(WebhookEvent)
            .where(
                WebhookEvent.rail == rail.value,
                WebhookEvent.external_account_id == external_account_id,
                WebhookEvent.done_at.is_(None),
            )
            .order_by(WebhookEvent.number)
            .limit(limit)
        )
    )


async def mark_done(session: AsyncSession, events: Sequence[WebhookEvent]) -> None:
    await session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.number.in_([event.number for event in events]), WebhookEvent.done_at.is_(None))
        .values(done_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
