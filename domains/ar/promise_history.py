"""What customers promised, and whether they kept it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import reminder_queries as queries
from domains.ar.collection_notes import NoteState, state_of
from domains.ar.note_models import CollectionNote

_MOST = 200
_REPLACED = "replaced"


@dataclass(frozen=True)
class KeptPromise:
    """A promise and how it ended. `paid_on` is the date of the last payment of an invoice on which nothing is open any more."""

    invoice_id: UUID
    invoice: str
    promised_on: date
    amount: Decimal | None
    currency: str
    state: NoteState
    paid_on: date | None
    recorded_at: datetime
    closed_because: str | None


async def list_promises(
    session: AsyncSession, business_id: UUID, customer_external_id: str, *, today: date, zone: ZoneInfo
) -> Sequence[KeptPromise]:
    """Of one customer, the latest first, two hundred at the most."""
    rows = await queries.list_promises(session, business_id, customer_external_id, limit=_MOST)
    paid = await queries.last_payments(
        session, business_id, {note.invoice_id for note, _, _, balance in rows if not balance}
    )
    return [
        KeptPromise(
            invoice_id=note.invoice_id,
            invoice=number or external_id,
            promised_on=note.promised_on,
            amount=note.amount,
            currency=note.currency,
            state=ended(note, balance=balance, today=today, paid_on=paid.get(note.invoice_id), zone=zone),
            paid_on=paid.get(note.invoice_id),
            recorded_at=note.recorded_at,
            closed_because=note.closed_because,
        )
        for note, number, external_id, balance in rows
    ]


def ended(note: CollectionNote, *, balance: Decimal, today: date, paid_on: date | None, zone: ZoneInfo) -> NoteState:
    """As `state_of`, with what a history needs besides: paid after its day is broken, and so is one that a later promise replaced after it."""
    state, promised_on = state_of(note, balance=balance, today=today), note.promised_on
    if promised_on is None:
        return state
    if state is NoteState.KEPT and paid_on is not None and paid_on > promised_on:
        return NoteState.BROKEN
    is_replaced = note.closed_at is not None and note.closed_because == _REPLACED
    if is_replaced and note.closed_at is not None and note.closed_at.astimezone(zone).date() > promised_on:
        return NoteState.BROKEN
    return state
