"""What a person knows better than the forecast: when an invoice is paid, and which bill cannot wait."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from domains.ap.must_pays import MarkWriter, mark_must_pay, unmark_must_pay
from domains.ar.collection_notes import NoteWriter
from domains.ar.expected_dates import ExpectedKind, NewExpectedDate, end_expected, set_expected
from runway.routes.access import ApprovesBills, Caller, SendsReminders
from runway.routes.answers import fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented, documented_without_answer

router = APIRouter(prefix="/api/v1", tags=["runway"])

Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class WantedExpectedDate(Strict):
    expected_on: date | None = Field(
        description="The day it is expected on, today at the earliest; null: it is not expected."
    )
    expires_on: date | None = Field(
        default=None, description="The last day on which this holds; null: until it is ended."
    )
    reason: Reason | None = Field(
        default=None, description="How this is known.", examples=["paid every 15th, says Kim"]
    )


class ExpectedDateOut(BaseModel):
    id: UUID
    kind: ExpectedKind
    expected_on: date | None
    expires_on: date | None
    reason: str | None
    actor: str = Field(examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])
    made_on: date
    recorded_at: datetime


class ExpectedDateAnswer(BaseModel):
    data: ExpectedDateOut


class WantedMark(Strict):
    reason: Reason | None = Field(default=None, examples=["they stop delivering otherwise"])


class MarkOut(BaseModel):
    id: UUID
    bill_id: UUID
    reason: str | None
    actor: str = Field(examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])
    made_on: date
    recorded_at: datetime


class MarkAnswer(BaseModel):
    data: MarkOut


_BY = {
    "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "made_on": "2026-03-15",
    "recorded_at": "2026-03-15T18:55:00Z",
}
_EXPECTED = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c12", "kind": "manual", "expected_on": "2026-04-15", "expires_on": None,
    "reason": "paid every 15th, says Kim", **_BY,
}  # fmt: skip
_MARK = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c13", "bill_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c14",
    "reason": "they stop delivering otherwise", **_BY,
}  # fmt: skip


@router.put(
    "/invoices/{invoice_id}/expected-date",
    summary="Say when an invoice will be paid",
    responses=documented({"data": _EXPECTED}),
)
async def set_expected_date(caller: SendsReminders, invoice_id: UUID, wanted: WantedExpectedDate) -> ExpectedDateAnswer:
    """The forecast takes this day for its customer's habits, unless there is a promise. Past that day, or once it has expired, the
    habits tell again. It is ours: nothing is written to QuickBooks.
    """
    new = NewExpectedDate(wanted.expected_on, wanted.expires_on, wanted.reason)
    async with caller.process.uow([caller.business.id]) as uow:
        row = await set_expected(uow.session, caller.business.id, invoice_id, new, by=_note_writer(caller))
    return ExpectedDateAnswer(data=ExpectedDateOut(**fields_of(ExpectedDateOut, row)))


@router.delete(
    "/invoices/{invoice_id}/expected-date",
    summary="Let the customer's habits tell again",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented_without_answer("Nothing is said of the invoice any more."),
)
async def end_expected_date(caller: SendsReminders, invoice_id: UUID) -> None:
    """Of an invoice of which nothing is said, nothing is changed. Promises and disputes stay as they are."""
    async with caller.process.uow([caller.business.id]) as uow:
        await end_expected(uow.session, caller.business.id, invoice_id, by=_note_writer(caller))


@router.put("/bills/{bill_id}/must-pay", summary="Mark a bill that cannot wait", responses=documented({"data": _MARK}))
async def set_must_pay(caller: ApprovesBills, bill_id: UUID, wanted: WantedMark | None = None) -> MarkAnswer:
    """It is paid before all that can be delayed, in every plan; and where cash may not cover it, this is said. It pays nothing."""
    async with caller.process.uow([caller.business.id]) as uow:
        row = await mark_must_pay(
            uow.session,
            caller.business.id,
            bill_id,
            reason=wanted.reason if wanted else None,
            by=_mark_writer(caller),
        )
    return MarkAnswer(data=MarkOut(**fields_of(MarkOut, row)))


@router.delete(
    "/bills/{bill_id}/must-pay",
    summary="Take the mark off a bill",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented_without_answer("The bill is not marked any more."),
)
async def end_must_pay(caller: ApprovesBills, bill_id: UUID) -> None:
    """Of a bill that is not marked nothing is changed."""
    async with caller.process.uow([caller.business.id]) as uow:
        await unmark_must_pay(uow.session, caller.business.id, bill_id, by=_mark_writer(caller))


def _note_writer(caller: Caller) -> NoteWriter:
    return NoteWriter(caller.origin.actor, caller.origin.request_id, caller.today, caller.home_currency)


def _mark_writer(caller: Caller) -> MarkWriter:
    return MarkWriter(caller.origin.actor, caller.origin.request_id, caller.today)
