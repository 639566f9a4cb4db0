from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from domains.ar.collection_notes import CollectionNotes, NewNote, NoteKind, NoteState, NoteWriter, state_of
from domains.ar.note_models import CollectionNote
from runway.routes.access import Caller, SendsReminders
from runway.routes.answers import Amount, fields_of
from runway.routes.asked import Strict
from runway.routes.documentation import documented
from runway.routes.seen import SeenFiguresId, frozen_figures

router = APIRouter(prefix="/api/v1/invoices", tags=["collections"])

Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class NoteOut(BaseModel):
    id: UUID
    kind: NoteKind
    state: NoteState = Field(
        description="Of a promise: `kept` once nothing is open, `broken` when its day is over before that."
    )
    amount: Amount | None
    currency: str
    promised_on: date | None = Field(description="Of a promise.")
    reason: str | None
    actor: str = Field(description="Who wrote it.", examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"])
    recorded_at: datetime
    closed_by: str | None
    closed_because: str | None = Field(description="`replaced`: by a later one.")
    closed_at: datetime | None

    @classmethod
    def of(cls, note: CollectionNote, *, balance: Decimal, today: date) -> "NoteOut":
        return cls(**fields_of(cls, note, state=state_of(note, balance=balance, today=today)))


class NoteAnswer(BaseModel):
    data: NoteOut


class WantedPromise(Strict):
    promised_on: date = Field(description="The day by which the customer will have paid; today at the earliest.")
    amount: Money | None = Field(default=None, description="Left out: all that is open.", examples=["120.50"])
    reason: Reason | None = Field(default=None, description="Who said so, and how.")
    seen_figures_id: SeenFiguresId = None


class WantedDispute(Strict):
    reason: Reason = Field(description="What the customer contests.", examples=["two boxes were missing"])
    amount: Money | None = Field(default=None, description="Left out: all that is open.")


class WantedWriteOff(Strict):
    reason: Reason = Field(description="Why it is given up.", examples=["the customer is bankrupt"])
    amount: Money | None = Field(default=None, description="Left out: all that is open.")


class Closing(Strict):
    because: Reason | None = Field(default=None, description="How it ended.", examples=["credited with CR-9"])


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "kind": "promise",
    "state": "open",
    "amount": "120.50",
    "currency": "USD",
    "promised_on": "2026-03-22",
    "reason": "Kim, by telephone",
    "actor": "user:0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "recorded_at": "2026-03-15T18:55:00Z",
    "closed_by": None,
    "closed_because": None,
    "closed_at": None,
}
_DISPUTE = {**_EXAMPLE, "kind": "dispute", "promised_on": None, "reason": "two boxes were missing"}
_CLOSED = {
    **_DISPUTE, "state": "closed", "closed_by": _EXAMPLE["actor"], "closed_because": "credited with CR-9",
    "closed_at": "2026-03-16T09:12:00Z",
}  # fmt: skip


@router.post("/{invoice_id}/promise", summary="Note a promise to pay", responses=documented({"data": _EXAMPLE}))
async def note_promise(caller: SendsReminders, invoice_id: UUID, wanted: WantedPromise) -> NoteAnswer:
    """A later promise takes the place of an earlier one. It is ours: nothing is written to QuickBooks."""
    figures = await frozen_figures(caller, wanted.seen_figures_id)
    note = NewNote(NoteKind.PROMISE, wanted.amount, wanted.promised_on, wanted.reason)
    return await _add(caller, invoice_id, note, figures=figures)


@router.post("/{invoice_id}/dispute", summary="Open a dispute", responses=documented({"data": _DISPUTE}))
async def open_dispute(caller: SendsReminders, invoice_id: UUID, wanted: WantedDispute) -> NoteAnswer:
    """The customer contests it. One at a time; it is ours, and nothing is written to QuickBooks."""
    return await _add(caller, invoice_id, NewNote(NoteKind.DISPUTE, wanted.amount, None, wanted.reason))


@router.post(
    "/{invoice_id}/write-off-note",
    summary="Note that it is given up",
    responses=documented({"data": {**_DISPUTE, "kind": "write_off_note", "reason": "the customer is bankrupt"}}),
)
async def note_write_off(caller: SendsReminders, invoice_id: UUID, wanted: WantedWriteOff) -> NoteAnswer:
    """For whoever writes it off in QuickBooks: the books themselves are not changed."""
    return await _add(caller, invoice_id, NewNote(NoteKind.WRITE_OFF, wanted.amount, None, wanted.reason))


@router.post("/{invoice_id}/promise/close", summary="End a promise", responses=documented({"data": _CLOSED}))
async def close_promise(caller: SendsReminders, invoice_id: UUID, closing: Closing | None = None) -> NoteAnswer:
    """It holds no more."""
    return await _close(caller, invoice_id, NoteKind.PROMISE, closing)


@router.post("/{invoice_id}/dispute/close", summary="End a dispute", responses=documented({"data": _CLOSED}))
async def close_dispute(caller: SendsReminders, invoice_id: UUID, closing: Closing | None = None) -> NoteAnswer:
    """It is settled. Closed again, nothing is changed."""
    return await _close(caller, invoice_id, NoteKind.DISPUTE, closing)


@router.post(
    "/{invoice_id}/write-off-note/close", summary="Take a write-off note back", responses=documented({"data": _CLOSED})
)
async def close_write_off(caller: SendsReminders, invoice_id: UUID, closing: Closing | None = None) -> NoteAnswer:
    """It is collected after all."""
    return await _close(caller, invoice_id, NoteKind.WRITE_OFF, closing)


async def notes_of(caller: Caller, invoice_id: UUID, *, balance: Decimal) -> list[NoteOut]:
    """All of an invoice, for those who show it."""
    async with caller.process.uow([caller.business.id]) as uow:
        notes = await CollectionNotes(caller.business.id).list_notes(uow.session, invoice_id)
    return [NoteOut.of(note, balance=balance, today=caller.today) for note in notes]


async def _add(caller: Caller, invoice_id: UUID, new: NewNote, *, figures: dict[str, Any] | None = None) -> NoteAnswer:
    by = replace(_writer(caller), figures=figures)
    async with caller.process.uow([caller.business.id]) as uow:
        note = await CollectionNotes(caller.business.id).add(uow.session, invoice_id, new, by=by)
    return _answer(caller, note)


async def _close(caller: Caller, invoice_id: UUID, kind: NoteKind, closing: Closing | None) -> NoteAnswer:
    async with caller.process.uow([caller.business.id]) as uow:
        because: Any = closing.because if closing else None
        note = await CollectionNotes(caller.business.id).close(
            uow.session, invoice_id, kind, because=because, by=_writer(caller)
        )
    return _answer(caller, note)


def _writer(caller: Caller) -> NoteWriter:
    return NoteWriter(caller.origin.actor, caller.origin.request_id, caller.today, caller.home_currency)


def _answer(caller: Caller, note: CollectionNote) -> NoteAnswer:
    """Of a note that was just written something is open; of one that was just closed it does not matter."""
    return NoteAnswer(data=NoteOut.of(note, balance=note.amount or Decimal(1), today=caller.today))
