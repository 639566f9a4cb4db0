"""What is noted on an invoice, with its line in the invoice's log, and what is refused."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from domains.ar.collection_notes import CollectionNotes, NewNote, NoteKind, NoteState, NoteWriter, state_of
from domains.ar.errors import InvoiceNotFound
from domains.ar.models import Invoice, InvoiceTransactionLog
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
from tests.integration.domains.books import TODAY, Books
from tests.unit.domains.bodies import make_invoice

ADA = NoteWriter("user:ada", "request-1", TODAY, "USD")
PROMISE = NewNote(NoteKind.PROMISE, Decimal("450.25"), TODAY + timedelta(days=7), "Kim, by telephone")
DISPUTE = NewNote(NoteKind.DISPUTE, reason="two boxes were missing")


class Desk:
    def __init__(self, books: Books) -> None:
        self.books = books
        self.notes = CollectionNotes(books.business_id)

    async def put(self, external_id: str = "17", *, version: int = 0, **fields: Any) -> UUID:
        await self.books.put("Invoice", {**make_invoice(external_id, **fields), "SyncToken": str(version)})
        async with self.books.uow([self.books.business_id]) as uow:
            return (await uow.session.scalars(select(Invoice.id).where(Invoice.external_id == external_id))).one()

    async def add(self, invoice_id: UUID, new: NewNote = PROMISE, *, by: NoteWriter = ADA) -> CollectionNote:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.notes.add(uow.session, invoice_id, new, by=by)

    async def close(
        self, invoice_id: UUID, kind: NoteKind = NoteKind.DISPUTE, because: str | None = None
    ) -> CollectionNote:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.notes.close(uow.session, invoice_id, kind, because=because, by=ADA)

    async def listed(self, invoice_id: UUID) -> Sequence[CollectionNote]:
        async with self.books.uow([self.books.business_id]) as uow:
            return await self.notes.list_notes(uow.session, invoice_id)

    async def events(self, invoice_id: UUID) -> list[InvoiceTransactionLog]:
        async with self.books.uow([self.books.business_id]) as uow:
            log = InvoiceTransactionLog
            return list(await uow.session.scalars(select(log).where(log.entity_id == invoice_id).order_by(log.version)))


@pytest.fixture
def desk(books: Books) -> Desk:
    return Desk(books)


async def test_a_promise_is_noted_once_and_a_later_one_takes_its_place(desk: Desk) -> None:
    invoice_id = await desk.put()
    answers = await asyncio.gather(*(desk.add(invoice_id) for _ in range(3)))
    assert len({note.id for note in answers}) == 1
    later = await desk.add(invoice_id, replace(PROMISE, promised_on=TODAY + timedelta(days=9)))
    newest, oldest = await desk.listed(invoice_id)
    assert (newest.id, newest.closed_at) == (later.id, None)
    assert (oldest.closed_because, oldest.closed_by) == ("replaced", "user:ada")
    events = await desk.events(invoice_id)
    assert [event.transaction_type for event in events] == [
        "created",
        "promise_noted",
        "promise_closed",
        "promise_noted",
    ]
    assert events[1].changes == {
        "amount": Decimal("450.25"), "currency": "USD", "promised_on": "2026-03-22", "reason": "Kim, by telephone",
    }  # fmt: skip
    assert (events[1].actor, events[1].request_id, events[1].source) == ("user:ada", "request-1", "user")


async def test_a_promise_is_kept_broken_or_open(desk: Desk) -> None:
    note = await desk.add(await desk.put())
    on = note.promised_on
    assert on is not None
    after = on + timedelta(days=1)
    assert state_of(note, balance=Decimal(1), today=on) is NoteState.OPEN
    assert state_of(note, balance=Decimal(1), today=after) is NoteState.BROKEN
    assert state_of(note, balance=Decimal(0), today=after) is NoteState.KEPT


async def test_a_dispute_is_opened_and_closed_once(desk: Desk) -> None:
    invoice_id = await desk.put()
    with pytest.raises(NoteNotFound, match="Invoice 1071 of Dune Cafe has no dispute"):
        await desk.close(invoice_id)
    opened = await desk.add(invoice_id, DISPUTE)
    assert opened.amount == Decimal("450.25")
    assert (await desk.add(invoice_id, DISPUTE)).id == opened.id
    with pytest.raises(DisputeOpen, match="two boxes were missing"):
        await desk.add(invoice_id, replace(DISPUTE, reason="three boxes"))
    for because in ("credited", "again"):
        closed = await desk.close(invoice_id, because=because)
        assert (closed.id, closed.closed_because) == (opened.id, "credited")
    types = [event.transaction_type for event in await desk.events(invoice_id)]
    assert types == ["created", "dispute_opened", "dispute_closed"]
    assert (await desk.add(invoice_id, DISPUTE)).id != opened.id


async def test_notes_of_other_kinds_stand_beside_each_other(desk: Desk) -> None:
    invoice_id = await desk.put()
    for new in (PROMISE, DISPUTE, NewNote(NoteKind.WRITE_OFF, Decimal(50), reason="bankrupt")):
        await desk.add(invoice_id, new)
    assert [note.kind for note in await desk.listed(invoice_id)] == ["write_off_note", "dispute", "promise"]
    await desk.close(invoice_id, NoteKind.WRITE_OFF)
    assert [note.kind for note in await desk.listed(invoice_id) if note.closed_at is None] == ["dispute", "promise"]


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (replace(PROMISE, amount=Decimal("450.26")), AboveOpen),
        (replace(PROMISE, promised_on=TODAY - timedelta(days=1)), PromiseInPast),
        (replace(DISPUTE, reason="   "), ReasonEmpty),
    ],
)
async def test_what_makes_no_sense_is_refused(desk: Desk, new: NewNote, refusal: type[Exception]) -> None:
    invoice_id = await desk.put()
    with pytest.raises(refusal):
        await desk.add(invoice_id, new)
    assert await desk.listed(invoice_id) == []
    await desk.add(invoice_id, replace(PROMISE, promised_on=TODAY))


async def test_nothing_is_collected_of_what_is_paid_or_deleted(desk: Desk) -> None:
    paid, deleted = await desk.put("18", Balance=0), await desk.put("19")
    await desk.add(deleted)
    await desk.books.delete("Invoice", "19")
    with pytest.raises(InvoicePaid):
        await desk.add(paid)
    with pytest.raises(InvoiceDeleted):
        await desk.add(deleted, DISPUTE)
    with pytest.raises(InvoiceNotFound):
        await desk.add(uuid4())
    assert (await desk.close(deleted, NoteKind.PROMISE)).closed_at is not None
