"""Every SELECT over reminders: a fixed number of statements, however many invoices and customers there are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import case, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_notes import NoteKind
from domains.ar.models import Customer, Invoice
from domains.ar.note_models import CollectionNote
from domains.ar.remind_customer import listed_in
from domains.ar.reminder_models import CustomerReminderRow, ReminderLevelRow, ReminderPolicyRow
from domains.ar.reminder_rules import (
    DEFAULT_LEVELS,
    CustomerRules,
    KeptRules,
    Levels,
    Made,
    ReminderLevel,
    ReminderRules,
    Tone,
)
from domains.core.ledger import LEDGER, live
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.states import ActionState

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('reminders:' || :business_id, 0))")
# A payment that the ledger applied to an invoice stands in the invoice's own links.
_LAST_PAYMENTS = text("""
SELECT i.id, max(r.received_on) FROM invoice AS i
CROSS JOIN LATERAL jsonb_array_elements(coalesce(queryable(i.payload) -> 'LinkedTxn', '[]')) AS link
JOIN receipt AS r ON r.business_id = i.business_id AND r.rail = i.rail AND r.external_id = link ->> 'TxnId'
WHERE i.business_id = :business_id AND i.id = ANY(:invoice_ids) AND link ->> 'TxnType' = 'Payment' AND r.deleted_at IS NULL
GROUP BY i.id
""")
_GIVEN_UP = (ActionState.FAILED.value, ActionState.CANCELLED.value)
_RULES = ("is_on", "quiet_days", "send_from", "send_until", "on_weekends", "sender_name", "reply_to")


async def hold_reminders(session: AsyncSession, business_id: UUID) -> None:
    """Whoever asks for this business's reminders, or sets its rules, waits for whoever does."""
    await session.execute(_LOCK, {"business_id": str(business_id)})


class Step(NamedTuple):
    """A step that was taken. `is_mailed` None: it is not known yet."""

    invoice_id: UUID
    level: int
    asked_on: date
    is_mailed: bool | None
    intent_id: UUID


def written(levels: Levels) -> list[dict[str, Any]]:
    """As the database keeps them."""
    return [
        {"days": level.days, "tone": level.tone.value, "subject": level.subject, "text": level.text} for level in levels
    ]


def _read(levels: Sequence[Mapping[str, Any]]) -> Levels:
    return tuple(ReminderLevel(one["days"], Tone(one["tone"]), one["subject"], one["text"]) for one in levels)


async def find_rules(session: AsyncSession, business_id: UUID) -> KeptRules:
    """What counts now; switched off where nobody has set anything."""
    row = await session.scalar(
        select(ReminderPolicyRow)
        .where(ReminderPolicyRow.business_id == business_id)
        .order_by(ReminderPolicyRow.version.desc())
        .limit(1)
    )
    if row is None:
        return KeptRules()
    rules = ReminderRules(levels=_read(row.levels) or DEFAULT_LEVELS, **{name: getattr(row, name) for name in _RULES})
    return KeptRules(rules, Made(row.version, row.actor, row.set_at))


async def list_switched_on(session: AsyncSession) -> list[UUID]:
    """The businesses that remind their customers; for the role that looks across them."""
    row = ReminderPolicyRow
    latest = select(row.business_id, row.is_on).ext(distinct_on(row.business_id))
    rows = await session.execute(latest.order_by(row.business_id, row.version.desc()))
    return [business_id for business_id, is_on in rows if is_on]


async def list_customer_rules(
    session: AsyncSession, business_id: UUID, customer_id: UUID | None = None
) -> dict[UUID, tuple[CustomerRules, Made]]:
    """What counts now for each customer for whom something was decided, or for this one."""
    query = select(CustomerReminderRow).where(CustomerReminderRow.business_id == business_id)
    if customer_id is not None:
        query = query.where(CustomerReminderRow.customer_id == customer_id)
    query = query.ext(distinct_on(CustomerReminderRow.customer_id))
    rows = await session.scalars(query.order_by(CustomerReminderRow.customer_id, CustomerReminderRow.version.desc()))
    return {
        row.customer_id: (
            CustomerRules(row.is_excluded, row.paused_until, _read(row.levels) if row.levels else None, row.send_to),
            Made(row.version, row.actor, row.set_at),
        )
        for row in rows
    }


async def list_open_invoices(
    session: AsyncSession, business_id: UUID, customers: Collection[str] | None = None
) -> Sequence[Any]:
    """Every invoice with something to pay on it, or those of these customers, without its payload."""
    columns = (
        Invoice.id, Invoice.external_id, Invoice.doc_number, Invoice.customer_external_id, Invoice.customer_name,
        Invoice.issued_on, Invoice.due_on, Invoice.balance, Invoice.currency, Invoice.exchange_rate, Invoice.email,
    )  # fmt: skip
    query = select(*columns).where(*live(Invoice, business_id), Invoice.balance > 0)
    if customers is not None:
        query = query.where(Invoice.customer_external_id.in_(customers))
    return (await session.execute(query.order_by(Invoice.due_on, Invoice.id))).all()


async def list_customers(session: AsyncSession, business_id: UUID, external_ids: Collection[str]) -> dict[str, Any]:
    """Those customers by the rail's id."""
    columns = (Customer.id, Customer.external_id, Customer.display_name, Customer.email, Customer.company_name)
    rows = await session.execute(
        select(*columns).where(*live(Customer, business_id), Customer.external_id.in_(external_ids))
    )
    return {row.external_id: row for row in rows}


async def list_open_notes(session: AsyncSession, business_id: UUID) -> Sequence[CollectionNote]:
    """Every note that is not closed."""
    query = select(CollectionNote).where(CollectionNote.business_id == business_id, CollectionNote.closed_at.is_(None))
    return (await session.scalars(query)).all()


async def list_promises(
    session: AsyncSession, business_id: UUID, customer_external_id: str, *, limit: int
) -> Sequence[Any]:
    """(note, invoice's number, its balance) of every promise of a customer, the latest first."""
    query = (
        select(CollectionNote, Invoice.doc_number, Invoice.external_id, Invoice.balance)
        .join(Invoice, (Invoice.business_id == CollectionNote.business_id) & (Invoice.id == CollectionNote.invoice_id))
        .where(
            CollectionNote.business_id == business_id,
            CollectionNote.kind == NoteKind.PROMISE.value,
            Invoice.rail == LEDGER.value,
            Invoice.customer_external_id == customer_external_id,
        )
        .order_by(CollectionNote.id.desc())
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def last_payments(session: AsyncSession, business_id: UUID, invoice_ids: Collection[UUID]) -> dict[UUID, date]:
    """The date of the latest payment that is applied to each; those that no payment is applied to are not in it."""
    if not invoice_ids:
        return {}
    rows = await session.execute(_LAST_PAYMENTS, {"business_id": business_id, "invoice_ids": list(invoice_ids)})
    return {row[0]: row[1] for row in rows}


async def list_steps(
    session: AsyncSession, business_id: UUID, *, customer_external_id: str | None = None, unsettled: bool = False
) -> list[Step]:
    """Steps of invoices that are open; or all of a customer's, or all that are `unsettled`. What is not settled is read from its mail."""
    row, intent = ReminderLevelRow, ActionIntent
    query = (
        select(
            row.invoice_id, row.level, row.asked_on, row.is_mailed, row.intent_id, Invoice.external_id, intent.state,
            case((row.is_mailed.is_(None), intent.body)).label("body"),
        )
        .join(Invoice, (Invoice.business_id == row.business_id) & (Invoice.id == row.invoice_id))
        .join(intent, (intent.business_id == row.business_id) & (intent.id == row.intent_id))
        .where(row.business_id == business_id)
        .order_by(row.invoice_id, row.level)
    )  # fmt: skip
    if unsettled:
        query = query.where(row.is_mailed.is_(None))
    elif customer_external_id is None:
        query = query.where(Invoice.deleted_at.is_(None), Invoice.balance > 0)
    if customer_external_id is not None:
        query = query.where(Invoice.customer_external_id == customer_external_id)
    rows = await session.execute(query)
    return [Step(one.invoice_id, one.level, one.asked_on, _is_mailed(one), one.intent_id) for one in rows]


def _is_mailed(row: Any) -> bool | None:
    """Of a mail that is over: whether the invoice is one of those that it lists."""
    if row.is_mailed is not None:
        return bool(row.is_mailed)
    if row.state in _GIVEN_UP:
        return False
    return row.external_id in listed_in(row.body) if row.state == ActionState.CONFIRMED.value else None


async def list_contacts(session: AsyncSession, business_id: UUID) -> list[tuple[str, str, datetime]]:
    """(invoice, its customer, when it was last mailed about): reminders by hand and by sequence, of invoices paid since too."""
    line, intent = ActionLine, ActionIntent
    at = func.max(func.coalesce(intent.settled_at, intent.created_at))
    query = (
        select(Invoice.external_id, Invoice.customer_external_id, at)
        .select_from(line)
        .join(intent, (intent.business_id == line.business_id) & (intent.id == line.intent_id))
        .join(Invoice, (Invoice.business_id == line.business_id) & (Invoice.external_id == line.target_external_id))
        .where(
            line.business_id == business_id,
            line.target_kind == "InvoiceMail",
            Invoice.rail == LEDGER.value,
            intent.state.not_in(_GIVEN_UP),
        )
        .group_by(Invoice.external_id, Invoice.customer_external_id)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(query)]
