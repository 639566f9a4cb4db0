"""Differences between the mirror and the rail: found, told with their cause and size, repaired, never hidden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.ids import new_id
from infra.observability.counted import note_drift, note_repair


class DriftKind(StrEnum):
    """What differs: one object (the first four), how many there are, a sum, or a doubt about what may be changed."""

    MISSING = "missing"
    DIFFERENT = "different"
    NOT_DELETED = "not_deleted"
    WRONGLY_DELETED = "wrongly_deleted"
    COUNT = "count"
    TOTAL = "total"
    IMPLAUSIBLE_DELETIONS = "implausible_deletions"
    CLOSED_PERIOD = "closed_period"


class DriftCause(StrEnum):
    """How it came about, as far as the two states tell."""

    DEPOSITED_PAYMENT = "deposited_payment"
    BALANCE_WITHOUT_TOKEN = "balance_without_token"  # noqa: S105  # a version's token, no secret
    MERGE = "merge"
    INACTIVATION = "inactivation"
    VOID = "void"
    MISSED_CHANGE = "missed_change"
    MISSED_DELETION = "missed_deletion"
    SILENT_CHANGE = "silent_change"
    CLOSED_PERIOD = "closed_period"
    MISSED_RECORDS = "missed_records"
    UNKNOWN = "unknown"


class DriftItem(Base):
    """One difference. `size` is |mirror - rail| in the home currency, or the number of records for a count.

    `repaired_at` is when the mirror was brought in step through the ordinary path; `repair_request_id` is that run's id, under
    which the log tells what it changed. An item that no repair could end stays open.
    """

    __tablename__ = "drift_item"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        Index("ix_drift_item_found_at", "business_id", "found_at"),
        Index("ix_drift_item_open", "business_id", "kind", "entity", postgresql_where=text("repaired_at IS NULL")),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    rail: Mapped[str]
    kind: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str | None]
    cause: Mapped[str]
    size: Mapped[Decimal | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    run_id: Mapped[UUID]
    found_at: Mapped[datetime]
    repaired_at: Mapped[datetime | None]
    repair_request_id: Mapped[str | None]


@dataclass(frozen=True)
class Drift:
    """A difference as it is found. `external_id` is None where no single object is meant."""

    kind: DriftKind
    entity: str
    external_id: str | None
    cause: DriftCause
    size: Decimal | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DriftFilter:
    """Which items to list, newest first. `before` is the last page's oldest item."""

    is_open: bool | None = None
    kind: DriftKind | None = None
    entity: str | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def record(
    session: AsyncSession,
    business_id: UUID,
    *,
    rail: Rail,
    run_id: UUID,
    found: Iterable[Drift],
    now: datetime,
) -> list[DriftItem]:
    """Write items for what was found; a difference that is open already is told once, with what is known of it now."""
    items = []
    for one in found:
        item = await find_open(
            session, business_id, rail=rail, kind=one.kind, entity=one.entity, external_id=one.external_id
        )
        if item is None:
            item = DriftItem(
                business_id=business_id,
                id=new_id(),
                rail=rail.value,
                kind=one.kind.value,
                entity=one.entity,
                external_id=one.external_id,
                found_at=now,
            )
            session.add(item)
            note_drift(one.kind.value)
        item.cause, item.size, item.run_id = one.cause.value, one.size, run_id
        item.details = {**(item.details or {}), **one.details}
        items.append(item)
    return items


async def find_open(
    session: AsyncSession,
    business_id: UUID,
    *,
    rail: Rail,
    kind: DriftKind,
    entity: str,
    external_id: str | None = None,
) -> DriftItem | None:
    item: DriftItem | None = await session.scalar(
        select(DriftItem)
        .where(
            DriftItem.business_id == business_id,
            DriftItem.rail == rail.value,
            DriftItem.kind == kind.value,
            DriftItem.entity == entity,
            DriftItem.external_id.is_not_distinct_from(external_id),
            DriftItem.repaired_at.is_(None),
        )
        .order_by(DriftItem.found_at)
        .limit(1)
    )
    return item


async def close(
    session: AsyncSession, business_id: UUID, *, ids: Sequence[UUID], request_id: str, now: datetime
) -> None:
    """Mark items as repaired by the run `request_id`."""
    if not ids:
        return
    closed = await session.execute(
        update(DriftItem)
        .where(DriftItem.business_id == business_id, DriftItem.id.in_(ids), DriftItem.repaired_at.is_(None))
        .values(repaired_at=now, repair_request_id=request_id)
        .returning(DriftItem.kind)
        .execution_options(synchronize_session=False)
    )
    for kind in closed.scalars():
        note_repair(kind)


async def list_open(session: AsyncSession, business_id: UUID, *, rail: Rail) -> Sequence[DriftItem]:
    rows = await session.scalars(
        select(DriftItem)
        .where(DriftItem.business_id == business_id, DriftItem.rail == rail.value, DriftItem.repaired_at.is_(None))
        .order_by(DriftItem.found_at)
    )
    return rows.all()


async def list_items(session: AsyncSession, business_id: UUID, wanted: DriftFilter) -> Sequence[DriftItem]:
    query = select(DriftItem).where(DriftItem.business_id == business_id)
    if wanted.is_open is not None:
        query = query.where(DriftItem.repaired_at.is_(None) if wanted.is_open else DriftItem.repaired_at.is_not(None))
    if wanted.kind is not None:
        query = query.where(DriftItem.kind == wanted.kind.value)
    if wanted.entity is not None:
        query = query.where(DriftItem.entity == wanted.entity)
    if wanted.before is not None:
        query = query.where(tuple_(DriftItem.found_at, DriftItem.id) < tuple_(*wanted.before))
    rows = await session.scalars(query.order_by(DriftItem.found_at.desc(), DriftItem.id.desc()).limit(wanted.limit))
    return rows.all()


async def count_items(session: AsyncSession, business_id: UUID, *, rail: Rail) -> tuple[int, int]:
    """How many items are open, and how many were repaired."""
    row = (
        await session.execute(
            select(
                func.count().filter(DriftItem.repaired_at.is_(None)),
                func.count().filter(DriftItem.repaired_at.is_not(None)),
            ).where(DriftItem.business_id == business_id, DriftItem.rail == rail.value)
        )
    ).one()
    return row[0], row[1]
