"""Reading an entity whole, page by page, over any time: where the reading stands, and which ids it has met.

What the mirror shows and a whole scan did not meet may be gone. The ids are kept a page a row until the scan ends, so a scan goes on
where it was cut off, in another process if need be.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint, Text, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.errors import Conflict
from infra.ids import new_id
from infra.sync.shapes import MirrorRow
from infra.sync.spec import AnySpec


class ScanPurpose(StrEnum):
    """`rescan` brings an entity back in step; `compare` looks for differences on demand, `rolling` some pages a night."""

    RESCAN = "rescan"
    COMPARE = "compare"
    ROLLING = "rolling"


class ScanSuperseded(Conflict):
    """Another process ended this very scan, or began it anew."""

    def __init__(self, entity: str) -> None:
        super().__init__(f"Another process has finished this reading of {entity}.")


class EntityScan(Base):
    """One scan of an entity for a purpose, the latest. `through` is the rail's own time when its first page was answered."""

    __tablename__ = "entity_scan"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "entity", "purpose"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    entity: Mapped[str]
    purpose: Mapped[str]
    id: Mapped[UUID]
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    started_at: Mapped[datetime]
    through: Mapped[datetime | None]
    pages: Mapped[int] = mapped_column(server_default="0")
    seen: Mapped[int] = mapped_column(server_default="0")
    differing: Mapped[int] = mapped_column(server_default="0")
    walked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class EntityScanPage(Base):
    """The ids that one page of a scan held."""

    __tablename__ = "entity_scan_page"
    __table_args__ = (PrimaryKeyConstraint("business_id", "scan_id", "page"),)

    business_id: Mapped[UUID]
    scan_id: Mapped[UUID]
    page: Mapped[int]
    external_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))


async def list_scans(session: AsyncSession, business_id: UUID, *, rail: Rail) -> Sequence[EntityScan]:
    """The latest scan of each entity and purpose."""
    query = select(EntityScan).where(EntityScan.business_id == business_id, EntityScan.rail == rail.value)
    return (await session.scalars(query.order_by(EntityScan.purpose, EntityScan.entity))).all()


async def resume(
    session: AsyncSession, spec: AnySpec, business_id: UUID, *, purpose: ScanPurpose, now: datetime
) -> EntityScan:
    """The unfinished scan of that purpose, or a new one."""
    fresh = {
        "id": new_id(),
        "cursor": null(),
        "started_at": now,
        "through": null(),
        "pages": 0,
        "seen": 0,
        "differing": 0,
        "walked_at": null(),
        "finished_at": null(),
    }
    await session.execute(
        insert(EntityScan)
        .values(business_id=business_id, rail=spec.rail.value, entity=spec.entity, purpose=purpose.value, **fresh)
        .on_conflict_do_update(
            index_elements=["business_id", "rail", "entity", "purpose"],
            set_=fresh,
            where=EntityScan.finished_at.is_not(None),
        )
    )
    found = await session.scalars(
        select(EntityScan).where(
            EntityScan.business_id == business_id,
            EntityScan.rail == spec.rail.value,
            EntityScan.entity == spec.entity,
            EntityScan.purpose == purpose.value,
        )
    )
    return found.one()


async def note_page(
    session: AsyncSession,
    scan: EntityScan,
    *,
    external_ids: Sequence[str],
    differing: int,
    values: dict[str, Any],
) -> None:
    """Write down a page in the transaction that stores it. `values`: the cursor behind it, and what else changes.

    Raises:
        ScanSuperseded: the scan is not the running one any more.
    """
    page = await session.scalar(
        update(EntityScan)
        .where(EntityScan.business_id == scan.business_id, EntityScan.id == scan.id, EntityScan.finished_at.is_(None))
        .values(
            pages=EntityScan.pages + 1,
            seen=EntityScan.seen + len(external_ids),
            differing=EntityScan.differing + differing,
            **values,
        )
        .returning(EntityScan.pages)
        .execution_options(synchronize_session=False)
    )
    if page is None:
        raise ScanSuperseded(scan.entity)
    if external_ids:
        session.add(
            EntityScanPage(business_id=scan.business_id, scan_id=scan.id, page=page, external_ids=list(external_ids))
        )


async def list_unmet(session: AsyncSession, spec: AnySpec, scan: EntityScan) -> list[str]:
    """Ids that the mirror shows since before the scan began, and that no page of it held."""
    mirror: type[MirrorRow] = spec.mirror
    met = select(func.unnest(EntityScanPage.external_ids)).where(
        EntityScanPage.business_id == scan.business_id, EntityScanPage.scan_id == scan.id
    )
    rows = await session.scalars(
        select(mirror.external_id).where(
            mirror.business_id == scan.business_id,
            mirror.rail == spec.rail.value,
            mirror.deleted_at.is_(None),
            mirror.synced_at < scan.started_at,
            mirror.external_id.not_in(met),
        )
    )
    return list(rows)


async def finish(session: AsyncSession, scan: EntityScan, *, now: datetime, differing: int = 0) -> None:
    """End the scan; what it met is forgotten.

    Raises:
        ScanSuperseded: another process did.
    """
    ended = await session.scalar(
        update(EntityScan)
        .where(EntityScan.business_id == scan.business_id, EntityScan.id == scan.id, EntityScan.finished_at.is_(None))
        .values(finished_at=now, differing=EntityScan.differing + differing)
        .returning(EntityScan.id)
        .execution_options(synchronize_session=False)
    )
    if ended is None:
        raise ScanSuperseded(scan.entity)
    await session.execute(
        delete(EntityScanPage).where(EntityScanPage.business_id == scan.business_id, EntityScanPage.scan_id == scan.id)
    )
