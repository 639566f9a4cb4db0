"""How far a company's books are read, and how its connection stands: what a progress bar and a status page show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domains.core.connection_service import ConnectionService
from domains.core.errors import ConnectionNotFound
from domains.core.models import Connection
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync import drift, runs, scans
from infra.sync.runs import SyncRun, SyncState
from infra.sync.scans import EntityScan
from runway.registry import MIRROR_SPECS

LATEST_RUNS = 10


class ReadingState(StrEnum):
    """`waiting`: nothing is read yet; `reading`: some pages are; `done`: all is, and changes follow."""

    WAITING = "waiting"
    READING = "reading"
    DONE = "done"


@dataclass(frozen=True)
class EntityProgress:
    """`stored_objects` counts those that the first reading brought so far."""

    entity: str
    state: ReadingState
    stored_objects: int
    synced_through: datetime | None
    last_synced_at: datetime | None
    last_error: str | None
    rescan_reason: str | None = None
    quarantined: int = 0
    open_drift: int = 0
    last_full_at: datetime | None = None
    last_webhook_at: datetime | None = None


@dataclass(frozen=True)
class DriftTotals:
    open: int
    repaired: int


@dataclass(frozen=True)
class SyncProgress:
    """`connection` is None when the company was never connected. `scans` are the latest readings of whole entities."""

    connection: Connection | None
    entities: Sequence[EntityProgress]
    runs: Sequence[SyncRun]
    drift: DriftTotals
    scans: Sequence[EntityScan]


class SyncProgressReport:
    def __init__(self, *, uow: UnitOfWorkFactory, connections: ConnectionService) -> None:
        self._uow = uow
        self._connections = connections

    async def get(self, business_id: UUID) -> SyncProgress:
        """Every mirrored entity in one order, and the latest runs, newest first."""
        rail = self._connections.rail
        async with self._uow([business_id]) as uow:
            states = await runs.list_states(uow.session, business_id, rail=rail)
            latest = await runs.list_runs(uow.session, business_id, rail=rail, limit=LATEST_RUNS)
            totals = DriftTotals(*await drift.count_items(uow.session, business_id, rail=rail))
            readings = await scans.list_scans(uow.session, business_id, rail=rail)
            try:
                connection = await self._connections.get_connection(uow.session, business_id)
            except ConnectionNotFound:
                connection = None
        entities = [_progress(spec.entity, states.get(spec.entity)) for spec in MIRROR_SPECS]
        return SyncProgress(connection=connection, entities=entities, runs=latest, drift=totals, scans=readings)


def _progress(entity: str, state: SyncState | None) -> EntityProgress:
    if state is None:
        return EntityProgress(entity, ReadingState.WAITING, 0, None, None, None)
    return EntityProgress(
        entity=entity,
        state=_reading_state(state),
        stored_objects=state.stored_objects,
        synced_through=state.synced_through,
        last_synced_at=state.last_synced_at,
        last_error=state.last_error,
        rescan_reason=state.rescan_reason,
        quarantined=state.quarantined,
        open_drift=state.open_drift,
        last_full_at=state.last_full_at,
        last_webhook_at=state.last_webhook_at,
    )


def _reading_state(state: SyncState) -> ReadingState:
    if state.synced_through is not None:
        return ReadingState.DONE
    return ReadingState.WAITING if state.backfill_started_at is None else ReadingState.READING
