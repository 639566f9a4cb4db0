from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from domains.ar.collections_service import Received, Through
from runway.routes.access import RecordsReceipts, SendsReminders
from runway.routes.action_answers import accepted, answer_soon, asking_of, asking_on, moves_money
from runway.routes.action_out import ACTION_EXAMPLE, ActionAnswer
from runway.routes.asked import Undoable
from runway.routes.documentation import documented
from runway.routes.idempotency import IdempotencyKey
from runway.routes.seen import SeenFiguresId

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"])

Day = date  # a field is called date
Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]


class WantedReminder(Undoable):
    through: Through = Field(
        default=Through.QBO, description="`qbo`: QuickBooks mails the invoice; `mail`: we write a letter."
    )
    to: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="An address in place of the invoice's own. QuickBooks keeps it on the invoice.",
    )
    seen_figures_id: SeenFiguresId = None


class ReceivedPayment(Undoable):
    amount: Money = Field(examples=["120.50"])
    date: Day = Field(description="When it came.")
    method: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=r"^[\w.:-]+$", description="QuickBooks' id of the method."
    )
    deposit_to: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The account it went to, its id, ours or QuickBooks'; unless given, Undeposited Funds.",
    )
    reference: str | None = Field(
        default=None,
        min_length=1,
        max_length=21,
        pattern=r"^[^\s].*$",
        description="The customer's cheque or transfer.",
    )


_SENT = ACTION_EXAMPLE | {
    "operation": "send_invoice",
    "words": "QuickBooks has mailed it, 14:03.",
    "may": [],
    "lines": [{"kind": "InvoiceMail", "external_id": "98", "amount": "120.50"}],
    "asked": {"invoice": "98"},
    "external_id": "98",
}
_RECEIVED = ACTION_EXAMPLE | {
    "operation": "receive_payment",
    "words": "Recorded in QuickBooks as the customer's payment 160, 14:03.",
    "may": [],
    "lines": [{"kind": "Invoice", "external_id": "98", "amount": "120.50"}],
    "asked": {"customer": "7", "received_on": "2026-03-15"},
}


@router.post(
    "/{invoice_id}/send-reminder",
    summary="Remind the customer of an invoice",
    response_model=ActionAnswer,
    responses=documented({"data": _SENT}) | accepted(),
)
async def send_reminder(
    request: Request,
    caller: SendsReminders,
    invoice_id: UUID,
    key: IdempotencyKey,
    wanted: WantedReminder | None = None,
) -> Response:
    """One mail about one invoice. QuickBooks is asked just before whether it is still open: nobody who has paid is reminded."""
    asked = wanted or WantedReminder()
    asking = await asking_on(request, caller, key, body=asked, seen_figures_id=asked.seen_figures_id)
    intent = await caller.services.collecting.send_reminder(
        invoice_id, through=asked.through, to=asked.to, asking=asking
    )
    return await answer_soon(request, caller, intent)


@router.post(
    "/{invoice_id}/record-payment",
    summary="Record what a customer paid",
    response_model=ActionAnswer,
    responses=documented({"data": _RECEIVED}) | accepted(),
)
async def record_payment(
    request: Request, caller: RecordsReceipts, invoice_id: UUID, key: IdempotencyKey, wanted: ReceivedPayment
) -> Response:
    """Records a customer's payment of one invoice in QuickBooks, whole or in part."""
    await moves_money(request, caller)
    received = Received(
        wanted.amount, wanted.date, deposit_to=wanted.deposit_to, method=wanted.method, reference=wanted.reference
    )
    asking = asking_of(request, caller, key, body=wanted)
    intent = await caller.services.collecting.record_payment(invoice_id, received, asking=asking)
    return await answer_soon(request, caller, intent)
