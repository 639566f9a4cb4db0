"""How the connections of several businesses stand, one query a part and all at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.connection_queries import list_latest
from domains.core.models import Connection, ConnectionState
from domains.core.notice_models import Notice
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.observability.looking import Look, Part, look_at_all
from infra.sync.drift import DriftItem
from infra.sync.runs import SyncState

_WITHIN_SECONDS = 2.0


@dataclass(frozen=True)
class Reading:
    """How far the mirrors of one business are read. `oldest_sync_at` is of those that are read whole."""

    kinds_read: int = 0
    objects_read: int = 0
    oldest_sync_at: datetime | None = None
    last_error_at: datetime | None = None


@dataclass(frozen=True)
class ConnectionStanding:
    """What did not answer in time is None: the parts say so."""

    business_id: UUID
    business_name: str
    rail: str
    state: ConnectionState
    reason: str | None
    state_changed_at: datetime
    sync_age: timedelta | None
    reading: Reading | None
    breaker_rests_seconds: float
    open_drift: int | None
    open_notices: int | None


@dataclass(frozen=True)
class FirmConnections:
    connections: list[ConnectionStanding]
    parts: list[Part]


class FirmConnectionsReport:
    """`rest_seconds`: how long the rail is not asked for a business, because it kept failing."""

    def __init__(self, *, uow: UnitOfWorkFactory, clock: Clock, rest_seconds: Callable[[UUID], float]) -> None:
        self._uow = uow
        self._clock = clock
        self._rest_seconds = rest_seconds

    async def get(self, names: Mapping[UUID, str]) -> FirmConnections:
        """Of businesses by their ids: row-level security shows this no other."""
        if not names:
            return FirmConnections([], [])
        ids = list(names)
        queries: dict[str, Callable[[AsyncSession, Sequence[UUID]], Awaitable[Any]]] = {
            "connections": list_latest,
            "readings": _read_readings,
            "drift": _count_drift,
            "notices": _count_notices,
        }
        parts = await look_at_all(
            {name: self._as_app(query, ids) for name, query in queries.items()}, seconds=_WITHIN_SECONDS
        )
        found = {part.name: part.found for part in parts}
        standings = [
            self._standing(connection, names[connection.business_id], found)
            for connection in found["connections"] or ()
        ]
        return FirmConnections(sorted(standings, key=lambda one: one.business_name), parts)

    def _as_app(self, query: Callable[[AsyncSession, Sequence[UUID]], Awaitable[Any]], ids: Sequence[UUID]) -> Look:
        async def look() -> Any:
            async with self._uow(ids) as uow:
                return await query(uow.session, ids)

        return look

    def _standing(self, connection: Connection, name: str, found: Mapping[str, Any]) -> ConnectionStanding:
        business_id, key = connection.business_id, (connection.business_id, connection.rail)
        reading = None if found["readings"] is None else found["readings"].get(key, Reading())
        oldest = reading.oldest_sync_at if reading else None
        return ConnectionStanding(
            business_id=business_id,
            business_name=name,
            rail=connection.rail,
            state=ConnectionState(connection.state),
            reason=connection.reason,
            state_changed_at=connection.state_changed_at,
            sync_age=None if oldest is None else max(self._clock.now() - oldest, timedelta(0)),
            reading=reading,
            breaker_rests_seconds=self._rest_seconds(business_id),
            open_drift=None if found["drift"] is None else found["drift"].get(business_id, 0),
            open_notices=None if found["notices"] is None else found["notices"].get(business_id, 0),
        )


async def _read_readings(session: AsyncSession, ids: Sequence[UUID]) -> dict[tuple[UUID, str], Reading]:
    is_read = SyncState.synced_through.is_not(None)
    rows = await session.execute(
        select(
            SyncState.business_id,
            SyncState.rail,
            func.count().filter(is_read),
            func.sum(SyncState.stored_objects),
            func.min(SyncState.last_synced_at).filter(is_read),
            func.max(SyncState.last_error_at),
        )
        .where(SyncState.business_id.in_(ids))
        .group_by(SyncState.business_id, SyncState.rail)
    )
    return {(row[0], row[1]): Reading(row[2], int(row[3]), row[4], row[5]) for row in rows}


async def _count_drift(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, int]:
    query = select(DriftItem.business_id, func.count()).where(
        DriftItem.business_id.in_(ids), DriftItem.repaired_at.is_(None)
    )
    return {row[0]: row[1] for row in await session.execute(query.group_by(DriftItem.business_id))}


async def _count_notices(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, int]:
    query = select(Notice.business_id, func.count()).where(Notice.business_id.in_(ids), Notice.resolved_at.is_(None))
    return {row[0]: row[1] for row in await session.execute(query.group_by(Notice.business_id))}
