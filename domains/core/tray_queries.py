"""What of several businesses' notices, drift and mirrors belongs into the tray, one statement a kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ledger import LEDGER
from domains.core.notice_models import Notice
from infra.actions.models import ActionLine
from infra.db.many import is_one_of
from infra.sync.drift import DriftItem
from infra.sync.quarantine import QuarantinedObject
from infra.sync.runs import SyncState

_MOST = 200  # notices, and drift items, of all businesses together: the tray shows what to do next, not everything


@dataclass(frozen=True)
class MirrorState:
    """`oldest_at`: when the kind that was looked at longest ago was last in step; None: some kind never was.

    `is_first_reading_failing`: the latest attempt at a kind that never was in step has failed.
    """

    oldest_at: datetime | None
    quarantined: int
    is_first_reading_failing: bool = False


@dataclass(frozen=True)
class OpenDrift:
    """How many differences from the rail are not repaired, and their size in home currency where they have one."""

    count: int
    size: Decimal


async def list_open_notices(
    session: AsyncSession, business_ids: Sequence[UUID], kinds: Sequence[str], *, most: int = _MOST
) -> list[Notice]:
    """The latest first."""
    query = select(Notice).where(
        is_one_of(Notice.business_id, business_ids), Notice.resolved_at.is_(None), Notice.kind.in_(kinds)
    )
    return list(await session.scalars(query.order_by(Notice.raised_at.desc(), Notice.id).limit(most)))


async def sum_open_drift(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, dict[str, OpenDrift]]:
    """Business → entity → what differs."""
    rows = await session.execute(
        select(
            DriftItem.business_id,
            DriftItem.entity,
            func.count(),
            func.coalesce(func.sum(func.abs(DriftItem.size)), 0),
        )
        .where(is_one_of(DriftItem.business_id, business_ids), DriftItem.repaired_at.is_(None))
        .group_by(DriftItem.business_id, DriftItem.entity)
    )
    found: dict[UUID, dict[str, OpenDrift]] = {}
    for business_id, entity, count, size in rows:
        found.setdefault(business_id, {})[entity] = OpenDrift(count, Decimal(size))
    return found


async def list_mirror_states(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, MirrorState]:
    """A business that was never read has none."""
    never = func.bool_or(SyncState.last_synced_at.is_(None))
    quarantined = (
        select(func.count())
        .where(
            QuarantinedObject.business_id == SyncState.business_id,
            QuarantinedObject.rail == LEDGER.value,
            QuarantinedObject.resolved_at.is_(None),
        )
        .correlate_except(QuarantinedObject)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            SyncState.business_id,
            never,
            func.min(SyncState.last_synced_at),
            quarantined,
            func.bool_or(SyncState.last_synced_at.is_(None) & SyncState.last_error.is_not(None)),
        )
        .where(is_one_of(SyncState.business_id, business_ids), SyncState.rail == LEDGER.value)
        .group_by(SyncState.business_id)
    )
    return {row[0]: MirrorState(None if row[1] else row[2], row[3], row[4]) for row in rows}


async def list_under_way(
    session: AsyncSession, business_ids: Sequence[UUID], *, kinds: Sequence[str]
) -> set[tuple[UUID, str, str]]:
    """(business, kind, the rail's id) of what an open action of ours has hold of."""
    rows = await session.execute(
        select(ActionLine.business_id, ActionLine.target_kind, ActionLine.target_external_id).where(
            is_one_of(ActionLine.business_id, business_ids), ActionLine.is_open, ActionLine.target_kind.in_(kinds)
        )
    )
    return {(row[0], row[1], row[2]) for row in rows}
