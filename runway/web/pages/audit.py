"""All that was done in a client's books and at its doors, as one timeline; and as a file."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from domains.core import access_log
from domains.core.access_log import AccessEvent
from domains.core.models import Business
from infra import exact_json
from runway.orchestrators.audit_events import SYSTEM, AuditCursor, AuditEvent, AuditFilter, AuditKind
from runway.orchestrators.audit_timeline import AuditTimeline
from runway.services import Services
from runway.web.clients import PREFIX, ExportsAudit, ReadsAudit
from runway.web.forms import typed_query
from runway.web.page_route import PageRoute
from runway.web.people import names_in
from runway.web.rendering import render_client
from runway.web.strings import _
from runway.web.views.audit import CSV_HEAD, KINDS, Shown, as_csv, chain_pill, days_of, exported

router = APIRouter(prefix=f"{PREFIX}/audit", include_in_schema=False, route_class=PageRoute)

_SHOWN = 50


class AskedAudit(BaseModel):
    """What the filters say; what cannot be read is refused by the page route. Empty fields are as if left out."""

    model_config = ConfigDict(extra="ignore")

    kind: AuditKind | Literal[""] = ""
    actor: str = Field(default="", max_length=100)
    object: UUID | Literal[""] = ""
    cursor: str = Field(default="", max_length=300)

    def filter(self) -> AuditFilter:
        kinds = frozenset(AuditKind) if self.kind == "" else frozenset({self.kind})
        return AuditFilter(kinds, self.actor.strip() or None, None if self.object == "" else self.object)


Asked = Annotated[AskedAudit, Query()]


def timeline_of(business: Business, process: Services) -> AuditTimeline:
    return AuditTimeline(
        business, uow=process.uow, access_uow=process.access_uow, redis=process.redis, clock=process.clock
    )


@router.get("")
async def show_audit(request: Request, client: ReadsAudit, asked: Asked) -> Response:
    timeline = timeline_of(client.business, client.process)
    cursor = AuditCursor.decode(asked.cursor) if asked.cursor else None
    page = await timeline.get(asked.filter(), cursor=cursor, limit=_SHOWN)
    names = await names_in(client)
    shown = Shown(client.path, client.home_currency, ZoneInfo(client.business.time_zone), names)
    return render_client(
        request,
        client,
        "audit/page.html",
        here="audit",
        asked=asked,
        days=days_of(page.events, page.seals, shown),
        next_cursor=page.next_cursor,
        chain=chain_pill(await timeline.chain(), now=client.clock.now()),
        kinds=[(kind.value, _(label)) for kind, label in KINDS.items()],
        people=[(f"user:{user_id}", name) for user_id, name in names.items()] + [(SYSTEM, _("system"))],
        query=_query_of(request),
    )


@router.get("/export")
async def export_audit(
    client: ExportsAudit, asked: Asked, form: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv"
) -> StreamingResponse:
    """All of it that the filters leave, the newest first. That it was exported is in the log, too."""
    wanted = asked.filter()
    async with client.process.access_uow([]) as uow:
        await access_log.note(
            uow.session,
            AccessEvent.EXPORTED,
            origin=client.origin,
            business_id=client.business.id,
            details={"format": form, "of": "timeline", **wanted.as_details()},
        )
    events = timeline_of(client.business, client.process).export(wanted)
    name = f"audit-{client.business.id}.{form}"
    return StreamingResponse(
        _as_csv(events) if form == "csv" else _as_json(events),
        media_type="text/csv; charset=utf-8" if form == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _as_csv(events: AsyncIterator[AuditEvent]) -> AsyncIterator[str]:
    yield CSV_HEAD
    async for event in events:
        yield as_csv(event)


async def _as_json(events: AsyncIterator[AuditEvent]) -> AsyncIterator[bytes]:
    begin = b"[\n"
    async for event in events:
        yield begin + exact_json.dumps(exported(event))
        begin = b",\n"
    yield b"[]\n" if begin == b"[\n" else b"\n]\n"


def _query_of(request: Request) -> dict[str, Any]:
    """The filters as they are, to be carried along by links."""
    return {name: value for name, value in typed_query(request).values.items() if value and name != "cursor"}
