from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from runway.routes.access import ReadsBooks
from runway.routes.answers import Answer, FreshnessOut, PageAnswer, fields_of, send, send_json_page
from runway.routes.approval_answers import APPROVAL_EXAMPLE, ApprovalOut
from runway.routes.documentation import books_example, read_of_books
from runway.routes.documents import (
    CHANGE_EXAMPLE,
    AskedDocument,
    AskedDocuments,
    AskedHistory,
    ChangeOut,
    DocumentOut,
    PastOrPresent,
    document_fields,
    history_page,
)
from runway.routes.read_route import ReadRoute

router = APIRouter(prefix="/api/v1/bills", tags=["bills"], route_class=ReadRoute)


class AskedBills(AskedDocuments):
    vendor: str | None = Field(
        default=None, min_length=1, max_length=100, description="The vendor's id, ours or the rail's."
    )


class BillOut(DocumentOut):
    vendor_external_id: str = Field(examples=["31"])
    vendor_name: str | None = Field(examples=["Harbor Supply"])


class BillDetail(BillOut, PastOrPresent):
    """One bill, now or at an instant."""

    approval: ApprovalOut | None = Field(description="How its approval stands; null of a past state.")


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "rail": "qbo",
    "external_id": "145",
    "doc_number": "2231",
    "issued_on": "2026-02-20",
    "due_on": "2026-03-22",
    "status": "open",
    "total": "120.50",
    "balance": "120.50",
    "currency": "USD",
    "exchange_rate": None,
    "terms_external_id": "3",
    "memo": None,
    "version": 1,
    "vendor_external_id": "31",
    "vendor_name": "Harbor Supply",
}
_DETAIL_EXAMPLE = {
    **_EXAMPLE,
    "is_deleted": False,
    "recorded_at": None,
    "approval": APPROVAL_EXAMPLE,
    "payload": {"Id": "145", "SyncToken": "0", "TotalAmt": 120.5, "Balance": 120.5},
}


@router.get(
    "",
    summary="List bills",
    response_model=PageAnswer[BillOut],
    responses=read_of_books(books_example([_EXAMPLE], is_page=True)),
)
async def list_bills(request: Request, caller: ReadsBooks, asked: Annotated[AskedBills, Query()]) -> Response:
    """What we owe, soonest due first; without a due date last."""
    wanted = asked.filter_for(asked.vendor, today=caller.today)
    fetched = await caller.services.bills.list_bills_as_json(
        wanted, home_currency=caller.home_currency, freshness=asked.need()
    )
    return send_json_page(request, fetched)


@router.get(
    "/{bill_id}",
    summary="One bill, now or as of an instant",
    response_model=Answer[BillDetail],
    responses=read_of_books(books_example(_DETAIL_EXAMPLE)),
)
async def get_bill(
    request: Request, caller: ReadsBooks, bill_id: UUID, asked: Annotated[AskedDocument, Query()]
) -> Response:
    """The bill with the rail's own payload. With `as_of`, as we knew it then, deleted or not."""
    bills, need = caller.services.bills, asked.need()
    if asked.as_of is None:
        present = await bills.get_bill(bill_id, freshness=need)
        found, freshness = present.value, present.freshness
        async with caller.process.uow([caller.business.id]) as uow:
            standings = await caller.services.approvals.standing(uow.session, [bill_id], with_material=True)
        more: dict[str, Any] = {
            "is_deleted": False, "recorded_at": None, "approval": ApprovalOut.of(standings[bill_id]),
        }  # fmt: skip
    else:
        past = await bills.get_bill_as_of(bill_id, asked.as_of, freshness=need)
        found, freshness = past.value.mirror, past.freshness
        more = {"is_deleted": past.value.is_deleted, "recorded_at": past.value.recorded_at, "approval": None}
    today = caller.date_of(asked.as_of) if asked.as_of else caller.today
    fields = document_fields(found, today=today, home_currency=caller.home_currency)
    detail = BillDetail(**fields_of(BillDetail, found, **more, **fields))
    return send(request, Answer[BillDetail](data=detail, freshness=FreshnessOut.of(freshness)))


@router.get(
    "/{bill_id}/history",
    summary="Every change of one bill",
    response_model=PageAnswer[ChangeOut],
    responses=read_of_books(books_example([CHANGE_EXAMPLE], is_page=True)),
)
async def list_bill_history(
    request: Request, caller: ReadsBooks, bill_id: UUID, asked: Annotated[AskedHistory, Query()]
) -> Response:
    """The bill's log, oldest first; a deleted bill's too."""
    fetched = await caller.services.bills.get_history(
        bill_id, after_version=asked.after_version(), limit=asked.limit + 1, freshness=asked.need()
    )
    return send(request, history_page(fetched, asked))
