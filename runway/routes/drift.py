from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from domains.core.errors import DriftItemNotFound
from domains.core.paging import MAX_PAGE, InstantCursor, page_of
from infra.qbo.asked_jobs import COMPARE, RECONCILE, RESCAN
from infra.sync import drift
from infra.sync.drift import DriftCause, DriftFilter, DriftItem, DriftKind
from runway.routes.access import AllServices, ReadsBooks, SyncsBooks
from runway.routes.answers import Amount
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1", tags=["sync"])


class DriftOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: DriftKind = Field(
        description="`missing`, `different`, `not_deleted`, `wrongly_deleted`: one object; `count`, `total`: a figure; "
        "`implausible_deletions`: more gone at once than is believed; `closed_period`: a change in closed books."
    )
    entity: str
    external_id: str | None = Field(description="The object's, account's or name's id at the rail.")
    cause: DriftCause
    size: Amount | None = Field(description="By how much, in home currency; of a count, how many.")
    details: dict[str, Any] = Field(description="What differs: field to [ours, theirs], figures, records behind them.")
    found_at: datetime
    repaired_at: datetime | None = Field(description="When our copy was brought in step; null while it is not.")
    repair_request_id: str | None = Field(description="The log tells of the repair under this id.")


class DriftAnswer(BaseModel):
    data: list[DriftOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class AskedDrift(BaseModel):
    open: bool | None = Field(default=None, description="Only what is not repaired, or only what is.")
    kind: DriftKind | None = None
    entity: str | None = Field(default=None, max_length=64, pattern="^[A-Za-z]+$")
    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)


class Asked(BaseModel):
    asked: str = Field(description="The job that does it.")


class AskedAnswer(BaseModel):
    data: Asked


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c12",
    "kind": "different",
    "entity": "Payment",
    "external_id": "98",
    "cause": "deposited_payment",
    "size": "0.00",
    "details": {"on": "2026-02-17", "fields": {"LinkedTxn": [None, [{"TxnId": "121", "TxnType": "Deposit"}]]}},
    "found_at": "2026-03-15T08:15:02Z",
    "repaired_at": "2026-03-15T08:15:02Z",
    "repair_request_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
}


@router.get(
    "/drift",
    summary="Differences from QuickBooks",
    responses=documented({"data": [_EXAMPLE], "next_cursor": None}),
)
async def list_drift(caller: ReadsBooks, services: AllServices, asked: Annotated[AskedDrift, Query()]) -> DriftAnswer:
    """What was found to differ, open and past, the latest first: its cause, its size, and when it was repaired."""
    wanted = DriftFilter(
        is_open=asked.open,
        kind=asked.kind,
        entity=asked.entity,
        before=InstantCursor.decode(asked.cursor).key if asked.cursor else None,
        limit=asked.limit + 1,
    )
    async with services.uow([caller.business.id]) as uow:
        rows = await drift.list_items(uow.session, caller.business.id, wanted)
    page = page_of(rows, asked.limit, cursor_of=_cursor)
    return DriftAnswer(data=[DriftOut.model_validate(row) for row in page.items], next_cursor=page.next_cursor)


def _cursor(row: DriftItem) -> str:
    return InstantCursor(row.found_at, row.id).encode()


@router.post(
    "/drift/{item_id}/confirm",
    summary="They are deleted",
    responses=documented({"data": {"asked": RESCAN}}),
)
async def confirm_deletions(caller: SyncsBooks, services: AllServices, item_id: UUID) -> AskedAnswer:
    """Of `implausible_deletions`: they are gone indeed. The next look, which is asked for, then believes it."""
    business_id = caller.business.id
    async with services.uow([business_id]) as uow:
        item = await uow.session.get(DriftItem, (business_id, item_id))
        if item is None or item.kind != DriftKind.IMPLAUSIBLE_DELETIONS.value or item.repaired_at is not None:
            raise DriftItemNotFound
        item.details = {**item.details, "confirmed_by": caller.origin.actor}
        uow.enqueue(RESCAN, str(business_id), item.entity, queue="bulk")
    return AskedAnswer(data=Asked(asked=RESCAN))


@router.post(
    "/sync/compare",
    status_code=HTTPStatus.ACCEPTED,
    summary="Compare every object with QuickBooks",
    responses=documented({"data": {"asked": COMPARE}}, status=HTTPStatus.ACCEPTED),
)
async def ask_for_comparison(caller: SyncsBooks, services: AllServices) -> AskedAnswer:
    """Reads all books once, field by field, as a job; `GET /api/v1/sync` shows how far it is."""
    async with services.uow([caller.business.id]) as uow:
        uow.enqueue(COMPARE, str(caller.business.id), queue="bulk")
    return AskedAnswer(data=Asked(asked=COMPARE))


@router.post(
    "/sync/reconcile",
    status_code=HTTPStatus.ACCEPTED,
    summary="Tie out with QuickBooks",
    responses=documented({"data": {"asked": RECONCILE}}, status=HTTPStatus.ACCEPTED),
)
async def ask_for_reconciliation(caller: SyncsBooks) -> AskedAnswer:
    """What each night does: counts, open A/P and A/R, every balance, and a part of all objects, as a job."""
    await caller.services.sync.schedule_reconciliation()
    return AskedAnswer(data=Asked(asked=RECONCILE))
