"""What was agreed, contested or given up on an invoice, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domains.ar.collection_notes import NoteKind, NoteState, state_of
from domains.ar.note_models import CollectionNote
from domains.ar.promise_history import KeptPromise
from runway.web.strings import _, keyed
from runway.web.views.trail import who_is

_KINDS = {
    NoteKind.PROMISE: keyed("Promise to pay"),
    NoteKind.DISPUTE: keyed("Dispute"),
    NoteKind.WRITE_OFF: keyed("Write-off note"),
}
_PATHS = {NoteKind.PROMISE: "promise", NoteKind.DISPUTE: "dispute", NoteKind.WRITE_OFF: "write-off-note"}
_STATES = {
    NoteState.OPEN: (keyed("Open"), "plain"),
    NoteState.BROKEN: (keyed("Broken"), "bad"),
    NoteState.KEPT: (keyed("Kept"), "good"),
    NoteState.CLOSED: (keyed("Ended"), "plain"),
}


@dataclass(frozen=True)
class NoteView:
    """`path` ends the address of its verbs; `is_open`: it can be ended."""

    kind: str
    path: str
    state: str
    tone: str
    amount: Decimal | None
    currency: str
    promised_on: date | None
    reason: str | None
    who: str
    at: datetime
    ended: str | None
    is_open: bool


@dataclass(frozen=True)
class PromiseView:
    invoice_id: UUID
    invoice: str
    promised_on: date
    amount: Decimal | None
    currency: str
    state: str
    tone: str
    paid_on: date | None


def note_views(
    notes: Iterable[CollectionNote], *, balance: Decimal, today: date, names: Mapping[UUID, str]
) -> Sequence[NoteView]:
    return [_note(note, state_of(note, balance=balance, today=today), names) for note in notes]


def promise_views(promises: Iterable[KeptPromise]) -> Sequence[PromiseView]:
    return [
        PromiseView(
            invoice_id=one.invoice_id,
            invoice=one.invoice,
            promised_on=one.promised_on,
            amount=one.amount,
            currency=one.currency,
            state=_(_STATES[one.state][0]),
            tone=_STATES[one.state][1],
            paid_on=one.paid_on,
        )
        for one in promises
    ]


def _note(note: CollectionNote, state: NoteState, names: Mapping[UUID, str]) -> NoteView:
    kind = NoteKind(note.kind)
    text, tone = _STATES[state]
    return NoteView(
        kind=_(_KINDS[kind]),
        path=_PATHS[kind],
        state=_(text),
        tone=tone,
        amount=note.amount,
        currency=note.currency,
        promised_on=note.promised_on,
        reason=note.reason,
        who=who_is(note.actor, names),
        at=note.recorded_at,
        ended=note.closed_because,
        is_open=note.closed_at is None and state is not NoteState.KEPT,
    )
