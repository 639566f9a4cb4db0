"""What customers promised, and whether they kept it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import reminder_queries as queries
from domains.ar.collection_notes import NoteState, state_of

_MOST = 200


@dataclass(frozen=True)
class KeptPromise:
    """A promise and how it stands: `state` as `collection_notes.state_of` has it."""

    invoice_id: UUID
    invoice: str
    promised_on: date
    amount: Decimal | None
    currency: str
    state: NoteState
    recorded_at: datetime
    closed_because: str | None


async def list_promises(
    session: AsyncSession, business_id: UUID, customer_external_id: str, *, today: date
) -> Sequence[KeptPromise]:
    """Of one customer, the latest first, two hundred at the most."""
    rows = await queries.list_promises(session, business_id, customer_external_id, limit=_MOST)
    return [
        KeptPromise(
            invoice_id=note.invoice_id,
            invoice=number or external_id,
            promised_on=note.promised_on,
            amount=note.amount,
            currency=note.currency,
            state=state_of(note, balance=balance, today=today),
            recorded_at=note.recorded_at,
            closed_because=note.closed_because,
        )
        for note, number, external_id, balance in rows
    ]
