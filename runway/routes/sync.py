from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from domains.core.models import ConnectionState
from infra.sync.runs import RunKind, RunState
from infra.sync.scans import ScanPurpose
from runway.orchestrators.sync_progress import ReadingState, SyncProgress, SyncProgressReport
from runway.routes.access import AllServices, ReadsBooks
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1", tags=["sync"])


class _FromRows(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ConnectionOut(_FromRows):
    rail: str
    state: ConnectionState = Field(description="`needs_reconnect`: only a person can bring it back, see `reason`.")
    reason: str | None
    external_account_id: str = Field(description="The company's id at the rail: QuickBooks' realm.")
    connected_at: datetime
    state_changed_at: datetime


class EntityProgressOut(_FromRows):
    entity: str
    state: ReadingState = Field(description="`done`: all is read and changes follow.")
    stored_objects: int = Field(description="Objects that the first reading stored so far.")
    synced_through: datetime | None = Field(description="Every change up to here is in the mirror.")
    last_synced_at: datetime | None = Field(description="When the last call that confirmed it began.")
    last_error: str | None
    rescan_reason: str | None = Field(description="Why it is to be read whole again; null when it is not.")
    quarantined: int = Field(description="Objects that cannot be read and are kept apart.")
    open_drift: int = Field(description="Differences that are not repaired.")
    last_full_at: datetime | None = Field(description="When it was last read whole.")
    last_webhook_at: datetime | None = Field(description="When QuickBooks last announced a change of it.")


class DriftTotalsOut(_FromRows):
    open: int
    repaired: int


class ScanOut(_FromRows):
    entity: str
    purpose: ScanPurpose
    started_at: datetime
    pages: int = Field(description="Pages of up to 1,000 objects read so far.")
    seen: int
    differing: int
    finished_at: datetime | None = Field(description="Null while it is under way, or waits to go on.")


class SyncRunOut(_FromRows):
    id: UUID
    kind: RunKind
    state: RunState
    actor: str = Field(description="What asked for it.")
    started_at: datetime
    finished_at: datetime | None
    calls: int = Field(description="Calls to the rail.")
    seen: int = Field(description="Objects that it looked at.")
    changed: int = Field(description="Objects that were new or different.")
    error: str | None


class SyncOut(_FromRows):
    connection: ConnectionOut | None = Field(description="Null when no company was ever connected.")
    entities: list[EntityProgressOut]
    runs: list[SyncRunOut] = Field(description="The latest, newest first.")
    drift: DriftTotalsOut = Field(description="Differences found so far: see /api/v1/drift.")
    scans: list[ScanOut] = Field(description="Readings of whole entities: comparisons, and what was out of step.")


class SyncAnswer(BaseModel):
    data: SyncOut


_EXAMPLE = {
    "data": {
        "connection": {
            "rail": "qbo",
            "state": "active",
            "reason": None,
            "external_account_id": "9341454000000001",
            "connected_at": "2026-03-15T18:55:00Z",
            "state_changed_at": "2026-03-15T18:55:00Z",
        },
        "entities": [
            {
                "entity": "Bill",
                "state": "reading",
                "stored_objects": 3000,
                "synced_through": None,
                "last_synced_at": None,
                "last_error": None,
                "rescan_reason": None,
                "quarantined": 0,
                "open_drift": 0,
                "last_full_at": None,
                "last_webhook_at": "2026-03-15T18:54:11Z",
            }
        ],
        "drift": {"open": 0, "repaired": 3},
        "scans": [
            {
                "entity": "Bill",
                "purpose": "compare",
                "started_at": "2026-03-15T08:15:00Z",
                "pages": 4,
                "seen": 3120,
                "differing": 1,
                "finished_at": "2026-03-15T08:15:09Z",
            }
        ],
        "runs": [
            {
                "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
                "kind": "backfill",
                "state": "running",
                "actor": "job:qbo.backfill",
                "started_at": "2026-03-15T18:55:02Z",
                "finished_at": None,
                "calls": 9,
                "seen": 7412,
                "changed": 7412,
                "error": None,
            }
        ],
    }
}


@router.get("/sync", summary="How far the books are read", responses=documented(_EXAMPLE))
async def get_sync(caller: ReadsBooks, services: AllServices) -> SyncAnswer:
    """The connection, each kind of object with how far it is read, and the latest runs. It asks QuickBooks nothing."""
    report = SyncProgressReport(uow=services.uow, connections=services.qbo_connections)
    return _answer(await report.get(caller.business.id))


def _answer(progress: SyncProgress) -> SyncAnswer:
    return SyncAnswer(data=SyncOut.model_validate(progress))
