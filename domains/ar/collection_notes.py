"""What was agreed, contested or given up on an invoice: a promise to pay, a dispute, a write-off note. Nothing of it is in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.errors import InvoiceNotFound
from domains.ar.mirrors import INVOICES_FROM_QBO
from domains.ar.models import Invoice
from domains.ar.note_errors import (
    AboveOpen,
    DisputeOpen,
    InvoiceDeleted,
    InvoicePaid,
    NoteNotFound,
    PromiseInPast,
    ReasonEmpty,
)
from domains.ar.note_models import CollectionNote
from domains.core.asking import SEEN_FIGURES
from domains.core.ledger import LEDGER
from infra.db.tenancy import TenantAwareService
from infra.ids import new_id
from infra.money import ZERO
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import TransactionLogService

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('collection_notes:' || :business_id, 0))")


class NoteKind(StrEnum):
    PROMISE = "promise"
    DISPUTE = "dispute"
    WRITE_OFF = "write_off_note"


class NoteState(StrEnum):
    """`broken`: the promised day is over and something is open still. `kept`: nothing is."""

    OPEN = "open"
    BROKEN = "broken"
    KEPT = "kept"
    CLOSED = "closed"


_TOLD = {NoteKind.PROMISE: "promise_noted", NoteKind.DISPUTE: "dispute_opened", NoteKind.WRITE_OFF: "write_off_noted"}
_ENDED = {
    NoteKind.PROMISE: "promise_closed",
    NoteKind.DISPUTE: "dispute_closed",
    NoteKind.WRITE_OFF: "write_off_note_closed",
}
_CALLED = {NoteKind.PROMISE: "promise to pay", NoteKind.DISPUTE: "dispute", NoteKind.WRITE_OFF: "write-off note"}


@dataclass(frozen=True)
class NewNote:
    """`amount` None: all that is open. `promised_on` is a promise's alone."""

    kind: NoteKind
    amount: Decimal | None = None
    promised_on: date | None = None
    reason: str | None = None


@dataclass(frozen=True)
class NoteWriter:
    """Who writes, in which request, on which day of the company. `figures`: those that they saw, frozen; None: not told."""

    actor: str
    request_id: str
    today: date
    home_currency: str
    figures: Mapping[str, Any] | None = None


def state_of(note: CollectionNote, *, balance: Decimal, today: date) -> NoteState:
    """How a note stands on `today`, when the invoice has `balance` open."""
    if note.closed_at is not None:
        return NoteState.CLOSED
    if note.kind != NoteKind.PROMISE:
        return NoteState.OPEN
    if balance == ZERO:
        return NoteState.KEPT
    return NoteState.BROKEN if note.promised_on is not None and note.promised_on < today else NoteState.OPEN


class CollectionNotes(TenantAwareService):
    """Each verb writes in the caller's transaction, and its line in the invoice's log with it. Reads the mirror alone."""

    async def add(self, session: AsyncSession, invoice_id: UUID, new: NewNote, *, by: NoteWriter) -> CollectionNote:
        """Write a note. The same again is the same note; another of its kind takes the place of a promise or a write-off note.

        Raises:
            InvoiceNotFound, InvoiceDeleted, InvoicePaid: there is nothing to collect.
            AboveOpen: more than is open.
            PromiseInPast: its day is over.
            ReasonEmpty: a reason of blanks alone.
            DisputeOpen: another dispute is.
        """
        invoice = await self._collectable(session, invoice_id)
        words = words_of(invoice)
        amount = invoice.balance if new.amount is None else new.amount
        currency = invoice.currency or by.home_currency
        if new.reason is not None and not new.reason.strip():
            raise ReasonEmpty
        if amount > invoice.balance:
            raise AboveOpen(words, amount=amount, open_amount=invoice.balance, currency=currency)
        if new.promised_on is not None and new.promised_on < by.today:
            raise PromiseInPast(new.promised_on, today=by.today)
        held = await self._open(session, invoice_id, new.kind)
        if held is not None:
            if (held.amount, held.promised_on, held.reason) == (amount, new.promised_on, new.reason):
                return held
            if new.kind is NoteKind.DISPUTE:
                raise DisputeOpen(words, held.reason or "")
            await self._close(session, held, because="replaced", by=by)
        told = {"amount": amount, "currency": currency, "promised_on": new.promised_on, "reason": new.reason}
        seen = {} if by.figures is None else {SEEN_FIGURES: dict(by.figures)}
        version = await self._tell(session, invoice_id, _TOLD[new.kind], {**told, **seen}, by=by)
        note = CollectionNote(
            business_id=self.business_id,
            id=new_id(),
            invoice_id=invoice_id,
            kind=new.kind.value,
            version=version,
            actor=by.actor,
            **told,
        )
        session.add(note)
        await session.flush()  # its time is the database's
        await session.refresh(note)
        return note

    async def close(
        self, session: AsyncSession, invoice_id: UUID, kind: NoteKind, *, because: str | None, by: NoteWriter
    ) -> CollectionNote:
        """End the open note of this kind; of one that is closed already, again, nothing is changed.

        Raises:
            InvoiceNotFound: no such invoice.
            NoteNotFound: it never had one.
        """
        await session.execute(_LOCK, {"business_id": str(self.business_id)})
        invoice = await self._invoice(session, invoice_id)
        held = await self._open(session, invoice_id, kind)
        if held is None:
            last = await session.scalar(_of(self.business_id, invoice_id, kind).limit(1))
            if last is None:
                raise NoteNotFound(words_of(invoice), _CALLED[kind])
            return last
        await self._close(session, held, because=because, by=by)
        return held

    async def list_notes(self, session: AsyncSession, invoice_id: UUID) -> Sequence[CollectionNote]:
        """All of an invoice, the latest first."""
        return (await session.scalars(_of(self.business_id, invoice_id))).all()

    async def _collectable(self, session: AsyncSession, invoice_id: UUID) -> Invoice:
        await session.execute(_LOCK, {"business_id": str(self.business_id)})
        invoice = await self._invoice(session, invoice_id)
        if invoice.deleted_at is not None:
            raise InvoiceDeleted(words_of(invoice))
        if invoice.balance == ZERO:
            raise InvoicePaid(words_of(invoice))
        return invoice

    async def _invoice(self, session: AsyncSession, invoice_id: UUID) -> Invoice:
        invoice: Invoice | None = await session.scalar(
            select(Invoice).where(
                Invoice.business_id == self.business_id, Invoice.rail == LEDGER.value, Invoice.id == invoice_id
            )
        )
        if invoice is None:
            raise InvoiceNotFound(invoice_id)
        return invoice

    async def _open(self, session: AsyncSession, invoice_id: UUID, kind: NoteKind) -> CollectionNote | None:
        note: CollectionNote | None = await session.scalar(
            _of(self.business_id, invoice_id, kind).where(CollectionNote.closed_at.is_(None))
        )
        return note

    async def _close(self, session: AsyncSession, note: CollectionNote, *, because: str | None, by: NoteWriter) -> None:
        told: dict[str, Any] = {"because": because, "amount": note.amount, "promised_on": note.promised_on}
        note.closed_version = await self._tell(session, note.invoice_id, _ENDED[NoteKind(note.kind)], told, by=by)
        note.closed_by, note.closed_because = by.actor, because
        note.closed_at = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        await session.flush()  # before another of its kind is inserted

    async def _tell(
        self, session: AsyncSession, invoice_id: UUID, event: str, details: dict[str, Any], *, by: NoteWriter
    ) -> int:
        return await TransactionLogService(session).append_event(
            INVOICES_FROM_QBO,
            LogEvent(
                business_id=self.business_id,
                entity_id=invoice_id,
                transaction_type=event,
                source=LogSource.USER,
                actor=by.actor,
                request_id=by.request_id,
                details=details,
            ),
        )


def words_of(invoice: Invoice) -> str:
    """How a person calls it: `Invoice 1071 of Dune Cafe`."""
    number = f"Invoice {invoice.doc_number}" if invoice.doc_number else f"The invoice {invoice.external_id}"
    return f"{number} of {invoice.customer_name or f'customer {invoice.customer_external_id}'}"


def _of(business_id: UUID, invoice_id: UUID, kind: NoteKind | None = None) -> Select[CollectionNote]:
    query = select(CollectionNote).where(
        CollectionNote.business_id == business_id, CollectionNote.invoice_id == invoice_id
    )
    if kind is not None:
        query = query.where(CollectionNote.kind == kind.value)
    return query.order_by(CollectionNote.id.desc())
