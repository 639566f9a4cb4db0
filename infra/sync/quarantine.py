"""Objects that could not be read, kept whole and apart, so that one of them does not stop a company's sync, and none is forgotten."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, PrimaryKeyConstraint, null, select, update
from sqlalchemy.dialects.postgresql import JSON, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.sync.spec import AnySpec, UnreadableRecord

UNSTORABLE = "a value of it cannot be stored"  # no later release reads it: a later delivery may

Order = tuple[int, float]


class QuarantinedObject(Base):
    """The rail's object as it came. `resolved_at` is when a later delivery, or a later release, could read it."""

    __tablename__ = "quarantined_object"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "entity", "external_id"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str]
    reason: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    rail_version: Mapped[int | None] = mapped_column(BigInteger)
    rail_updated_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


def order_of(version: int | None, updated_at: datetime | None) -> Order:
    """What tells an object's earlier states from its later ones; a state without either is the earliest."""
    return (-1 if version is None else version, updated_at.timestamp() if updated_at else 0.0)


async def list_open(
    session: AsyncSession, business_id: UUID, *, rail: Rail, entity: str | None = None, limit: int = 1000
) -> Sequence[QuarantinedObject]:
    """What stands in quarantine, the longest first."""
    query = select(QuarantinedObject).where(
        QuarantinedObject.business_id == business_id,
        QuarantinedObject.rail == rail.value,
        QuarantinedObject.resolved_at.is_(None),
    )
    if entity is not None:
        query = query.where(QuarantinedObject.entity == entity)
    return (await session.scalars(query.order_by(QuarantinedObject.first_seen_at).limit(limit))).all()


async def settle(
    session: AsyncSession,
    spec: AnySpec,
    business_id: UUID,
    *,
    seen_at: datetime,
    unreadable: Iterable[UnreadableRecord],
    stored: Callable[[str], Order | None],
    deleted: Collection[str],
) -> None:
    """Keep what could not be read, and let go what now was: `stored` in the same state or a later one, or gone.

    `stored` gives the state in which an object was read, None of one that was not. Call it in the transaction that stores the delivery, under the mirror's lock.
    """
    kept = list(unreadable)
    standing = await list_open(session, business_id, rail=spec.rail, entity=spec.entity)
    solved = [
        row.external_id
        for row in standing
        if row.external_id in deleted
        or (
            (state := stored(row.external_id)) is not None
            and state >= order_of(row.rail_version, row.rail_updated_at)
            and all(row.external_id != one.external_id for one in kept)
        )
    ]
    if solved:
        await session.execute(
            update(QuarantinedObject)
            .where(
                QuarantinedObject.business_id == business_id,
                QuarantinedObject.rail == spec.rail.value,
                QuarantinedObject.entity == spec.entity,
                QuarantinedObject.external_id.in_(solved),
            )
            .values(resolved_at=seen_at)
            .execution_options(synchronize_session=False)
        )
    for one in kept:
        await _keep(session, spec, business_id, one=one, seen_at=seen_at)


async def _keep(
    session: AsyncSession, spec: AnySpec, business_id: UUID, *, one: UnreadableRecord, seen_at: datetime
) -> None:
    state = {
        "reason": one.reason,
        "payload": one.payload,
        "rail_version": one.version,
        "rail_updated_at": one.updated_at,
        "last_seen_at": seen_at,
    }
    statement = insert(QuarantinedObject).values(
        business_id=business_id,
        rail=spec.rail.value,
        entity=spec.entity,
        external_id=one.external_id,
        first_seen_at=seen_at,
        **state,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["business_id", "rail", "entity", "external_id"],
            set_={**state, "resolved_at": null()},
        )
    )
