from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from domains.core.models import ConnectionState
from domains.core.permissions import Role
from infra.observability import verdicts
from infra.observability.looking import Part
from infra.observability.verdicts import Level, Verdict
from runway.orchestrators.firm_connections import ConnectionStanding, FirmConnectionsReport
from runway.registry import MIRROR_SPECS
from runway.routes.access import AllServices
from runway.routes.documentation import documented
from runway.routes.doors import AdminOfFirm

router = APIRouter(tags=["health"])
short = APIRouter()  # the path that the specification names, beside the versioned one

# Parts whose figures are of the firm's businesses alone: the installation's own are for its operator.
_OF_BUSINESSES = frozenset({"connections", "drift", "notices"})
_JUDGES: dict[str, Callable[[Any], Verdict]] = {
    "queues": verdicts.of_queues,
    "workers": verdicts.of_workers,
    "scheduler": verdicts.of_schedule,
    "log_seal": verdicts.of_seal,
    "log_verified": verdicts.of_verified,
}


class PartOut(BaseModel):
    name: str
    level: Level = Field(description="`warn`: it works, and should be looked at. `fail`: it does not.")
    said: str
    ms: float = Field(description="Milliseconds that the look took.")
    figures: Any = Field(description="What the part told of itself, if it told anything.")


class ReadingOut(BaseModel):
    kinds: int = Field(description="Kinds of object that are mirrored.")
    kinds_read: int = Field(description="Those that are read whole, so that changes follow.")
    objects_read: int = Field(description="Objects that the first reading stored so far.")
    last_error_at: datetime | None


class ConnectionStandingOut(BaseModel):
    business_id: UUID
    business: str
    rail: str
    state: ConnectionState
    reason: str | None
    state_changed_at: datetime
    sync_age_seconds: int | None = Field(description="Of the oldest kind of object that is read whole.")
    reading: ReadingOut | None
    breaker_rests_seconds: float = Field(
        description="How long the rail is not asked, because it kept failing; 0: it is."
    )
    open_drift: int | None
    open_notices: int | None


class AdminHealthOut(BaseModel):
    level: Level = Field(description="The worst of the parts.")
    parts: list[PartOut]
    connections: list[ConnectionStandingOut] = Field(description="Of your firms' businesses.")


class AdminHealthAnswer(BaseModel):
    data: AdminHealthOut


_EXAMPLE = {
    "level": "warn",
    "parts": [
        {"name": "redis", "level": "ok", "said": "it answers", "ms": 0.4, "figures": None},
        {
            "name": "queues",
            "level": "warn",
            "said": "the oldest job that is due has waited 0 s; 1 are dead",
            "ms": 1.9,
            "figures": [{"queue": "sync", "due": 0, "running": 1, "later": 2, "dead": 1, "oldest_due_seconds": 0.0}],
        },
        {
            "name": "log_seal",
            "level": "ok",
            "said": "the oldest row of the logs that is not sealed is 1 s old",
            "ms": 12.0,
            "figures": {"lag_seconds": 1.2},
        },
    ],
    "connections": [
        {
            "business_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
            "business": "Corner Bakery",
            "rail": "qbo",
            "state": "active",
            "reason": None,
            "state_changed_at": "2026-03-15T18:55:00Z",
            "sync_age_seconds": 312,
            "reading": {"kinds": 14, "kinds_read": 14, "objects_read": 41700, "last_error_at": None},
            "breaker_rests_seconds": 0.0,
            "open_drift": 0,
            "open_notices": 0,
        }
    ],
}


@short.get("/admin/health", include_in_schema=False)
@router.get("/api/v1/admin/health", summary="How everything stands", responses=documented({"data": _EXAMPLE}))
async def get_admin_health(guest: AdminOfFirm, services: AllServices) -> AdminHealthAnswer:
    """For an admin of a firm who is signed in: every part of the installation, and the connections of the firm's businesses.

    A part that does not answer within two seconds is told and not waited for. It asks QuickBooks nothing.
    """
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    names = {entry.business.id: entry.business.name for entry in entries if entry.role is Role.FIRM_ADMIN}
    qbo = services.qbo

    def rest_seconds(business_id: UUID) -> float:
        return (qbo.rest_seconds(business_id) if qbo is not None else None) or 0.0

    report = FirmConnectionsReport(uow=services.uow, clock=services.clock, rest_seconds=rest_seconds)
    standing = await services.installation.get()
    firm = await report.get(names)
    parts = [_told(part) for name, part in standing.parts.items() if name not in _OF_BUSINESSES]
    parts += [_told(part, is_shown=False) for part in firm.parts]
    level = max((part.level for part in parts), key=list(Level).index)
    connections = [_connection(one) for one in firm.connections]
    return AdminHealthAnswer(data=AdminHealthOut(level=level, parts=parts, connections=connections))


def _told(part: Part, *, is_shown: bool = True) -> PartOut:
    if part.problem is not None:
        return PartOut(name=part.name, level=Level.FAIL, said=part.problem, ms=part.milliseconds, figures=None)
    judge = _JUDGES.get(part.name)
    verdict = judge(part.found) if judge else Verdict(Level.OK, "it answers")
    figures = _figures(part.found) if judge and is_shown else None
    return PartOut(name=part.name, level=verdict.level, said=verdict.said, ms=part.milliseconds, figures=figures)


def _figures(found: Any) -> Any:
    match found:
        case timedelta():
            return {"lag_seconds": round(found.total_seconds(), 1)}
        case list():
            return [asdict(one) for one in found]
        case _:
            return asdict(found)


def _connection(one: ConnectionStanding) -> ConnectionStandingOut:
    reading = one.reading
    return ConnectionStandingOut(
        business_id=one.business_id,
        business=one.business_name,
        rail=one.rail,
        state=one.state,
        reason=one.reason,
        state_changed_at=one.state_changed_at,
        sync_age_seconds=None if one.sync_age is None else int(one.sync_age.total_seconds()),
        reading=None
        if reading is None
        else ReadingOut(
            kinds=len(MIRROR_SPECS),
            kinds_read=reading.kinds_read,
            objects_read=reading.objects_read,
            last_error_at=reading.last_error_at,
        ),
        breaker_rests_seconds=one.breaker_rests_seconds,
        open_drift=one.open_drift,
        open_notices=one.open_notices,
    )
