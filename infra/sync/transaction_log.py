"""Reading the log: an object's history, and its state at any instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.sync.shapes import LogRow, MirrorRow, TransactionType
from infra.sync.spec import MirrorSpec

M = TypeVar("M", bound=MirrorRow)
L = TypeVar("L", bound=LogRow)


@dataclass(frozen=True)
class AsOf(Generic[M]):
    """An object as we knew it at an instant.

    `mirror` is filled from the log's snapshot, is attached to no session and carries the domain's own columns and the identity.
    """

    mirror: M
    version: int
    recorded_at: datetime
    is_deleted: bool


class TransactionLogService:
    """Reads the logs. Rows are appended by mirror_store alone."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def history(
        self,
        spec: MirrorSpec[Any, Any, L],
        business_id: UUID,
        *,
        entity_id: UUID,
        after_version: int = 0,
        limit: int = 100,
    ) -> Sequence[L]:
        """The object's log rows in order of version, those after `after_version`, at most `limit`."""
        log = spec.log
        rows = await self._session.scalars(
            select(log)
            .where(log.business_id == business_id, log.entity_id == entity_id, log.version > after_version)
            .order_by(log.version)
            .limit(limit)
        )
        return rows.all()

    async def as_of(
        self, spec: MirrorSpec[Any, M, Any], business_id: UUID, *, entity_id: UUID, instant: datetime
    ) -> AsOf[M] | None:
        """The object's state at `instant` as we had recorded it by then; None when we had not seen it yet."""
        log, held = spec.log, spec.mirror
        found = await self._session.execute(
            select(log, held.external_id)
            .join(held, (held.business_id == log.business_id) & (held.id == log.entity_id))
            .where(log.business_id == business_id, log.entity_id == entity_id, log.recorded_at <= instant)
            .order_by(log.version.desc())
            .limit(1)
        )
        latest = found.one_or_none()
        if latest is None:
            return None
        row, external_id = latest
        mirror = spec.mirror()
        spec.fill(mirror, spec.read(row.snapshot, external_id=external_id))
        mirror.business_id, mirror.id, mirror.version = business_id, entity_id, row.version
        mirror.rail, mirror.external_id = (
            spec.rail.value,
            external_id,
        )  # a row keeps its identity: the trigger sees to it
        mirror.payload = row.snapshot
        is_deleted = row.transaction_type == TransactionType.DELETED
        return AsOf(mirror=mirror, version=row.version, recorded_at=row.recorded_at, is_deleted=is_deleted)
