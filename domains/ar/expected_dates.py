"""When a person expects an invoice to be paid, whatever its customer's habits say. It is ours: nothing of it is in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_notes import NoteWriter, words_of
from domains.ar.errors import InvoiceNotFound
from domains.ar.expected_models import ExpectedDateRow
from domains.ar.mirrors import INVOICES_FROM_QBO
from domains.ar.models import Invoice
from domains.ar.note_errors import InvoiceDeleted, InvoicePaid
from domains.core.ledger import LEDGER
from infra.db.reads import Read
from infra.errors import InvalidInput
from infra.ids import new_id
from infra.money import ZERO
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import TransactionLogService

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('expected_dates:' || :business_id, 0))")
# The few invoices that are said of are looked up one by one (OFFSET 0): joined, all might be read whole, with every answer.
_SAID = """
SELECT s.business_id, i.external_id, s.kind, s.day, s.amount, i.balance, s.actor, s.recorded_at, s.expires_on
FROM (
  SELECT business_id, invoice_id, kind, expected_on AS day, CAST(NULL AS numeric) AS amount, actor, recorded_at, expires_on
  FROM expected_date WHERE business_id = ANY(%(business_ids)s) AND ended_at IS NULL
  UNION ALL
  SELECT business_id, invoice_id, kind, promised_on, amount, actor, recorded_at, NULL
  FROM collection_note WHERE business_id = ANY(%(business_ids)s) AND closed_at IS NULL
) AS s
CROSS JOIN LATERAL (
  SELECT external_id, balance FROM invoice
  WHERE business_id = s.business_id AND id = s.invoice_id AND rail = %(rail)s AND deleted_at IS NULL AND balance <> 0 OFFSET 0
) AS i
ORDER BY i.external_id COLLATE "C", s.kind COLLATE "C"
"""


class ExpectedKind(StrEnum):
    MANUAL = "manual"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class NewExpectedDate:
    """`expected_on` None: it is not expected to be paid at all. `expires_on`: the last day on which this holds."""

    expected_on: date | None
    expires_on: date | None = None
    reason: str | None = None

    @property
    def kind(self) -> ExpectedKind:
        return ExpectedKind.EXCLUDED if self.expected_on is None else ExpectedKind.MANUAL


class ExpectedInPast(InvalidInput):
    def __init__(self, day: date, *, today: date) -> None:
        super().__init__(f"{day} is over: an expectation is of {today} at the earliest.")


class Said(NamedTuple):
    """What holds of one open invoice, a note or an expected date. `amount`, of a note: null is all that is open."""

    external_id: str
    kind: str
    on: date | None
    amount: Decimal | None
    balance: Decimal
    author: str
    made_at: Any
    expires_on: date | None


async def set_expected(
    session: AsyncSession, business_id: UUID, invoice_id: UUID, new: NewExpectedDate, *, by: NoteWriter
) -> ExpectedDateRow:
    """Write it down in the place of what held; the same again is the same.

    Raises:
        InvoiceNotFound, InvoiceDeleted, InvoicePaid: there is nothing to expect.
        ExpectedInPast: a day that is over.
    """
    for day in (new.expected_on, new.expires_on):
        if day is not None and day < by.today:
            raise ExpectedInPast(day, today=by.today)
    await session.execute(_LOCK, {"business_id": str(business_id)})
    invoice = await _invoice(session, business_id, invoice_id)
    if invoice.deleted_at is not None:
        raise InvoiceDeleted(words_of(invoice))
    if invoice.balance == ZERO:
        raise InvoicePaid(words_of(invoice))
    held = await session.scalar(_held(business_id, invoice_id))
    if held is not None:
        if (held.expected_on, held.expires_on, held.reason) == (new.expected_on, new.expires_on, new.reason):
            return held
        await _end(session, held, by=by)
    told = {"kind": new.kind.value, "expected_on": new.expected_on, "expires_on": new.expires_on, "reason": new.reason}
    version = await _tell(session, business_id, invoice_id, "expected_date_set", told, by=by)
    row = ExpectedDateRow(
        business_id=business_id,
        id=new_id(),
        invoice_id=invoice_id,
        version=version,
        actor=by.actor,
        made_on=by.today,
        **told,
    )
    session.add(row)
    await session.flush()  # its time is the database's
    await session.refresh(row)
    return row


async def end_expected(session: AsyncSession, business_id: UUID, invoice_id: UUID, *, by: NoteWriter) -> None:
    """From now on the customer's habits tell again; without one nothing is changed.

    Raises:
        InvoiceNotFound: no such invoice.
    """
    await session.execute(_LOCK, {"business_id": str(business_id)})
    await _invoice(session, business_id, invoice_id)
    held = await session.scalar(_held(business_id, invoice_id))
    if held is not None:
        await _end(session, held, by=by)


async def find_expected(session: AsyncSession, business_id: UUID, invoice_id: UUID) -> ExpectedDateRow | None:
    """What was said last of when it is expected, and is not taken back."""
    held: ExpectedDateRow | None = await session.scalar(_held(business_id, invoice_id))
    return held


def said_of(business_ids: Sequence[UUID]) -> Read[tuple[UUID, Said]]:
    """All that people said of invoices that are open, of several businesses at once: expected dates and notes that are not ended."""
    return Read(_SAID, {"business_ids": list(business_ids), "rail": LEDGER.value}, _said)


def _said(business_id: UUID, *columns: Any) -> tuple[UUID, Said]:
    return business_id, Said(*columns)


async def _invoice(session: AsyncSession, business_id: UUID, invoice_id: UUID) -> Invoice:
    invoice: Invoice | None = await session.scalar(
        select(Invoice).where(
            Invoice.business_id == business_id, Invoice.rail == LEDGER.value, Invoice.id == invoice_id
        )
    )
    if invoice is None:
        raise InvoiceNotFound(invoice_id)
    return invoice


def _held(business_id: UUID, invoice_id: UUID) -> Select[ExpectedDateRow]:
    return select(ExpectedDateRow).where(
        ExpectedDateRow.business_id == business_id,
        ExpectedDateRow.invoice_id == invoice_id,
        ExpectedDateRow.ended_at.is_(None),
    )


async def _end(session: AsyncSession, held: ExpectedDateRow, *, by: NoteWriter) -> None:
    told = {"kind": held.kind, "expected_on": held.expected_on}
    held.ended_version = await _tell(session, held.business_id, held.invoice_id, "expected_date_ended", told, by=by)
    held.ended_by = by.actor
    held.ended_at = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    await session.flush()  # before another is inserted


async def _tell(
    session: AsyncSession, business_id: UUID, invoice_id: UUID, event: str, details: dict[str, Any], *, by: NoteWriter
) -> int:
    return await TransactionLogService(session).append_event(
        INVOICES_FROM_QBO,
        LogEvent(
            business_id=business_id,
            entity_id=invoice_id,
            transaction_type=event,
            source=LogSource.USER,
            actor=by.actor,
            request_id=by.request_id,
            details=details,
        ),
    )
