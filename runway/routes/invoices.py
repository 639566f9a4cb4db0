from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from domains.ar.models import EmailStatus
from runway.routes.access import ReadsBooks
from runway.routes.answers import Answer, FreshnessOut, PageAnswer, fields_of, send, send_json_page
from runway.routes.collection_notes import NoteOut, notes_of
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

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"], route_class=ReadRoute)


class AskedInvoices(AskedDocuments):
    customer: str | None = Field(
        default=None, min_length=1, max_length=100, description="The customer's id, ours or the rail's."
    )


class InvoiceOut(DocumentOut):
    customer_external_id: str = Field(examples=["58"])
    customer_name: str | None = Field(examples=["Dune Works"])
    email_status: EmailStatus | None = Field(description="Whether the ledger has mailed it.")
    email: str | None


class InvoiceDetail(InvoiceOut, PastOrPresent):
    """One invoice, now or at an instant."""

    notes: list[NoteOut] | None = Field(
        description="Promises, disputes and write-off notes, the latest first; null of a past state."
    )


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
    "customer_external_id": "58",
    "customer_name": "Dune Works",
    "email_status": "sent",
    "email": "ap@example.com",
}
_DETAIL_EXAMPLE: dict[str, Any] = {
    **_EXAMPLE,
    "is_deleted": False,
    "recorded_at": None,
    "notes": [],
    "payload": {"Id": "145", "SyncToken": "0", "TotalAmt": 120.5, "Balance": 120.5},
}


@router.get(
    "",
    summary="List invoices",
    response_model=PageAnswer[InvoiceOut],
    responses=read_of_books(books_example([_EXAMPLE], is_page=True)),
)
async def list_invoices(request: Request, caller: ReadsBooks, asked: Annotated[AskedInvoices, Query()]) -> Response:
    """What we are owed, soonest due first; without a due date last."""
    wanted = asked.filter_for(asked.customer, today=caller.today)
    fetched = await caller.services.invoices.list_invoices_as_json(
        wanted, home_currency=caller.home_currency, freshness=asked.need()
    )
    return send_json_page(request, fetched)


@router.get(
    "/{invoice_id}",
    summary="One invoice, now or as of an instant",
    response_model=Answer[InvoiceDetail],
    responses=read_of_books(books_example(_DETAIL_EXAMPLE)),
)
async def get_invoice(
    request: Request, caller: ReadsBooks, invoice_id: UUID, asked: Annotated[AskedDocument, Query()]
) -> Response:
    """The invoice with the rail's own payload. With `as_of`, as we knew it then, deleted or not."""
    invoices, need = caller.services.invoices, asked.need()
    if asked.as_of is None:
        present = await invoices.get_invoice(invoice_id, freshness=need)
        found, freshness = present.value, present.freshness
        notes = await notes_of(caller, invoice_id, balance=found.balance)
        more: dict[str, Any] = {"is_deleted": False, "recorded_at": None, "notes": notes}
    else:
        past = await invoices.get_invoice_as_of(invoice_id, asked.as_of, freshness=need)
        found, freshness = past.value.mirror, past.freshness
        more = {"is_deleted": past.value.is_deleted, "recorded_at": past.value.recorded_at, "notes": None}
    today = caller.date_of(asked.as_of) if asked.as_of else caller.today
    fields = document_fields(found, today=today, home_currency=caller.home_currency)
    detail = InvoiceDetail(**fields_of(InvoiceDetail, found, **more, **fields))
    return send(request, Answer[InvoiceDetail](data=detail, freshness=FreshnessOut.of(freshness)))


@router.get(
    "/{invoice_id}/history",
    summary="Every change of one invoice",
    response_model=PageAnswer[ChangeOut],
    responses=read_of_books(books_example([CHANGE_EXAMPLE], is_page=True)),
)
async def list_invoice_history(
    request: Request, caller: ReadsBooks, invoice_id: UUID, asked: Annotated[AskedHistory, Query()]
) -> Response:
    """The invoice's log, oldest first; a deleted invoice's too."""
    fetched = await caller.services.invoices.get_history(
        invoice_id, after_version=asked.after_version(), limit=asked.limit + 1, freshness=asked.need()
    )
    return send(request, history_page(fetched, asked))
