from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import StreamingResponse

from domains.core import access_log
from domains.core.access_log import AccessEvent, AccessLogRow
from domains.core.access_trail import EXPORT_COLUMNS, AccessTrail, TrailFilter, as_export, csv_line
from domains.core.errors import UnreadableCursor
from domains.core.paging import MAX_PAGE
from infra import exact_json
from runway.routes.access import ExportsAudit, ReadsAudit
from runway.routes.answers import fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1/audit", tags=["people"])

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_LARGEST_ID = 2**63 - 1

_trail = AccessTrail()


class AskedTrail(Strict):
    event: AccessEvent | None = None
    actor: str | None = Field(
        default=None, max_length=100, description="Who did it: `user:<id>`, `token:<id>`, `cli` or `nobody`."
    )
    user: UUID | None = Field(default=None, description="A person who did it, or whom it concerns.")
    since: AwareDatetime | None = Field(default=None, ge=_EARLIEST, le=_LATEST, examples=["2026-03-01T00:00:00Z"])
    until: AwareDatetime | None = Field(default=None, ge=_EARLIEST, le=_LATEST, description="Not included.")

    def filter(self) -> TrailFilter:
        return TrailFilter(event=self.event, actor=self.actor, user=self.user, since=self.since, until=self.until)


class AskedTrailPage(AskedTrail):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="Rows a page.")
    cursor: str | None = Field(
        default=None, max_length=20, description="The last answer's `next_cursor`, with the same filters."
    )

    def before(self) -> int | None:
        """The id that the last page ended with; None for the first page.

        Raises:
            UnreadableCursor: it is none of ours.
        """
        if self.cursor is None:
            return None
        if not (self.cursor.isascii() and self.cursor.isdigit()):
            raise UnreadableCursor
        return min(int(self.cursor), _LARGEST_ID)


class AskedExport(AskedTrail):
    format: Literal["csv", "json"] = "csv"


class AccessRowOut(BaseModel):
    id: int = Field(description="Rises with time; gaps mean nothing.")
    recorded_at: datetime
    event: AccessEvent | str = Field(examples=["member.role_changed"])
    actor: str = Field(description="Who did it.", examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])
    user_id: UUID | None = Field(description="Whom it concerns, where that is another than the actor.")
    business_id: UUID | None = Field(description="Null for what somebody did at the door, such as signing in.")
    address: str = Field(description="The IP address; `local` for the command line.")
    request_id: str
    details: dict[str, Any] = Field(description="What the event is about; a change has `before` and `after`.")


class TrailAnswer(BaseModel):
    data: list[AccessRowOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


_EXAMPLE = {
    "id": 4711,
    "recorded_at": "2026-03-15T18:55:00Z",
    "event": "member.role_changed",
    "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "user_id": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "business_id": "0198c7d2-2222-7c1e-9f0e-3b1f0a5d2c11",
    "address": "203.0.113.7",
    "request_id": "0198c7d2-3333-7c1e-9f0e-3b1f0a5d2c11",
    "details": {
        "before": {"role": "viewer", "approval_limit": None},
        "after": {"role": "approver", "approval_limit": "5000"},
    },
}
_EXPORTED: dict[int | str, Any] = {
    HTTPStatus.OK.value: {
        "description": "The rows, streamed. In CSV a cell that a spreadsheet would compute begins with an apostrophe.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": csv_line(EXPORT_COLUMNS) + csv_line([_EXAMPLE[column] for column in EXPORT_COLUMNS]),
            },
            "application/json": {
                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/AccessRowOut"}},
                "example": [_EXAMPLE],
            },
        },
    }
}


@router.get("", summary="The access log", responses=documented({"data": [_EXAMPLE], "next_cursor": None}))
async def list_access_log(caller: ReadsAudit, asked: Annotated[AskedTrailPage, Query()]) -> TrailAnswer:
    """What happened to the business's doors, the newest first: who came in, who was refused, whose rights changed. With it what
    its members did at the door of all businesses (their sign-ins), since they belong to it.
    """
    async with caller.process.access_uow([]) as uow:
        rows = await _trail.list_newest(
            uow.session, caller.business, asked=asked.filter(), before=asked.before(), limit=asked.limit + 1
        )
    shown = rows[: asked.limit]
    return TrailAnswer(
        data=[AccessRowOut(**fields_of(AccessRowOut, row)) for row in shown],
        next_cursor=str(shown[-1].id) if len(rows) > asked.limit else None,
    )


@router.get(
    "/export",
    summary="The access log as a file",
    response_class=StreamingResponse,
    responses=documented(None) | _EXPORTED,
)
async def export_access_log(caller: ExportsAudit, asked: Annotated[AskedExport, Query()]) -> StreamingResponse:
    """All of it that the filters leave, as CSV or JSON, the newest first. That it was exported is in the log, too."""
    wanted = asked.filter()
    async with caller.process.access_uow([]) as uow:
        up_to = await _trail.newest_id(uow.session)
        await access_log.note(
            uow.session,
            AccessEvent.EXPORTED,
            origin=caller.origin,
            business_id=caller.business.id,
            details={"format": asked.format, **wanted.as_details()},
        )
    rows = _trail.export(caller.process.access_uow, caller.business, asked=wanted, up_to=up_to)
    name = f"access-log-{caller.business.id}.{asked.format}"
    return StreamingResponse(
        _as_csv(rows) if asked.format == "csv" else _as_json(rows),
        media_type="text/csv; charset=utf-8" if asked.format == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _as_csv(rows: AsyncIterator[AccessLogRow]) -> AsyncIterator[str]:
    yield csv_line(EXPORT_COLUMNS)
    async for row in rows:
        yield csv_line(list(as_export(row).values()))


async def _as_json(rows: AsyncIterator[AccessLogRow]) -> AsyncIterator[bytes]:
    begin = b"[\n"
    async for row in rows:
        yield begin + exact_json.dumps(as_export(row))
        begin = b",\n"
    yield b"[]\n" if begin == b"[\n" else b"\n]\n"
