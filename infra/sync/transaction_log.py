"""Reading the log: an object's history, and its state at any instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.errors import NotFound
from infra.sync import mirror_store
from infra.sync.shapes import LogRow, MirrorRow, TransactionType
from infra.sync.spec import AnySpec, LogEvent, MirrorSpec

M = TypeVar("M", bound=MirrorRow)
L = TypeVar("L", bound=LogRow)


class EventWithoutObject(NotFound):
    def __init__(self, entity: str, entity_id: UUID) -> None:
        super().__init__(f"There is no {entity} {entity_id} to which this could have happened.")


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
    """Reads the logs, and adds what happened without changing an object. mirror_store alone writes the rows."""

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

    async def append_event(self, spec: AnySpec, event: LogEvent) -> int:
        """Write down what happened to an object; the version it has then.

        Raises:
            EventWithoutObject: the mirror has no such object.
        """
        version = await mirror_store.append_event(self._session, spec, event)
        if version is None:
            raise EventWithoutObject(spec.entity, event.entity_id)
        return version

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
