from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from domains.core import notices
from domains.core.notice_models import Notice
from domains.core.notices import NoticeKind, Severity
from domains.core.paging import MAX_PAGE, InstantCursor, page_of
from runway.routes.access import AllServices, ReadsBooks, SyncsBooks
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1/notices", tags=["notices"])


class NoticeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: NoticeKind
    severity: Severity = Field(description="`alarm`: somebody must act or decide, and was written to.")
    title: str
    text: str
    details: dict[str, Any]
    raised_at: datetime
    last_raised_at: datetime
    times: int = Field(description="How often it was found to stand.")
    seen_at: datetime | None
    resolved_at: datetime | None = Field(description="When the matter ended; null while it stands.")


class NoticesAnswer(BaseModel):
    data: list[NoticeOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class NoticeAnswer(BaseModel):
    data: NoticeOut


class AskedNotices(BaseModel):
    open: bool | None = Field(default=None, description="Only what stands, or only what is over.")
    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c13",
    "kind": "reconnect_needed",
    "severity": "alarm",
    "title": "QuickBooks must be connected again",
    "text": "QuickBooks no longer lets us in (invalid_grant). Connect it again; until then the books stay as they are.",
    "details": {},
    "raised_at": "2026-03-15T18:55:00Z",
    "last_raised_at": "2026-03-15T19:10:00Z",
    "times": 2,
    "seen_at": None,
    "resolved_at": None,
}


@router.get("", summary="What somebody should know of", responses=documented({"data": [_EXAMPLE], "next_cursor": None}))
async def list_notices(
    caller: ReadsBooks, services: AllServices, asked: Annotated[AskedNotices, Query()]
) -> NoticesAnswer:
    """Drift, quarantine, connections, stale books, dead jobs, changes in closed books: the latest first."""
    before = InstantCursor.decode(asked.cursor).key if asked.cursor else None
    async with services.uow([caller.business.id]) as uow:
        rows = await notices.list_notices(
            uow.session, caller.business.id, is_open=asked.open, before=before, limit=asked.limit + 1
        )
    page = page_of(rows, asked.limit, cursor_of=_cursor)
    return NoticesAnswer(data=[NoticeOut.model_validate(row) for row in page.items], next_cursor=page.next_cursor)


def _cursor(row: Notice) -> str:
    return InstantCursor(row.raised_at, row.id).encode()


@router.post("/{notice_id}/seen", summary="Taken note of", responses=documented({"data": _EXAMPLE}))
async def mark_seen(caller: SyncsBooks, services: AllServices, notice_id: UUID) -> NoticeAnswer:
    """It stays until its matter ends; of a change in closed books, this is the end."""
    async with services.uow([caller.business.id]) as uow:
        notice = await notices.mark_seen(uow.session, caller.business.id, notice_id, now=services.clock.now())
        return NoticeAnswer(data=NoticeOut.model_validate(notice))
