"""Every SELECT over reminders: a fixed number of statements, however many invoices and customers there are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, case, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_notes import NoteKind
from domains.ar.models import Customer, Invoice
from domains.ar.note_models import CollectionNote
from domains.ar.queries import unapplied_of
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
from domains.core.documents import UnappliedCredit
from domains.core.ledger import LEDGER, live
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.states import ActionState
from infra.db.reads import Read, Statement, read_in

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
_BUSINESS = bindparam("business_id", type_=Uuid)
_CUSTOMER = bindparam("customer", type_=Text)
_CUSTOMERS = bindparam("customers", type_=ARRAY(Text))
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


def _kept(levels: Sequence[Mapping[str, Any]], version: int, actor: str, set_at: datetime, *rules: Any) -> KeptRules:
    chosen = dict(zip(_RULES, rules, strict=True))
    return KeptRules(ReminderRules(levels=_read(levels) or DEFAULT_LEVELS, **chosen), Made(version, actor, set_at))


_KEPT = Statement(
    select(
        ReminderPolicyRow.levels,
        ReminderPolicyRow.version,
        ReminderPolicyRow.actor,
        ReminderPolicyRow.set_at,
        *(getattr(ReminderPolicyRow, name) for name in _RULES),
    )
    .where(ReminderPolicyRow.business_id == _BUSINESS)
    .order_by(ReminderPolicyRow.version.desc())
    .limit(1),
    _kept,
)


async def find_rules(session: AsyncSession, business_id: UUID) -> KeptRules:
    """What counts now; switched off where nobody has set anything."""
    (found,) = await read_in(session, _KEPT.with_(business_id=business_id))
    return found[0] if found else KeptRules()


async def list_switched_on(session: AsyncSession) -> list[UUID]:
    """The businesses that remind their customers; for the role that looks across them."""
    row = ReminderPolicyRow
    latest = select(row.business_id, row.is_on).ext(distinct_on(row.business_id))
    rows = await session.execute(latest.order_by(row.business_id, row.version.desc()))
    return [business_id for business_id, is_on in rows if is_on]


def _decided(
    customer_id: UUID,
    version: int,
    actor: str,
    set_at: datetime,
    is_excluded: bool,  # noqa: FBT001  # a column
    paused_until: date | None,
    levels: Sequence[Mapping[str, Any]] | None,
    send_to: str | None,
) -> tuple[UUID, CustomerRules, Made]:
    rules = CustomerRules(is_excluded, paused_until, _read(levels) if levels else None, send_to)
    return customer_id, rules, Made(version, actor, set_at)


_DECISIONS = (
    select(
        *(
            getattr(CustomerReminderRow, name)
            for name in (
                "customer_id",
                "version",
                "actor",
                "set_at",
                "is_excluded",
                "paused_until",
                "levels",
                "send_to",
            )
        )
    )
    .where(CustomerReminderRow.business_id == _BUSINESS)
    .ext(distinct_on(CustomerReminderRow.customer_id))
    .order_by(CustomerReminderRow.customer_id, CustomerReminderRow.version.desc())
)
_DECIDED = Statement(_DECISIONS, _decided)
_DECIDED_OF = Statement(
    _DECISIONS.where(CustomerReminderRow.customer_id == bindparam("customer_id", type_=Uuid)), _decided
)


async def find_customer_rules(
    session: AsyncSession, business_id: UUID, customer_id: UUID
) -> tuple[CustomerRules, Made]:
    """What counts now for this customer."""
    (found,) = await read_in(session, _DECIDED_OF.with_(business_id=business_id, customer_id=customer_id))
    return found[0][1:] if found else (CustomerRules(), Made())


class OpenInvoice(NamedTuple):
    """One with something to pay on it, without its payload."""

    id: UUID
    external_id: str
    doc_number: str | None
    customer_external_id: str
    customer_name: str | None
    issued_on: date
    due_on: date | None
    balance: Decimal
    currency: str | None
    exchange_rate: Decimal | None
    email: str | None


class OpenNote(NamedTuple):
    """What was noted about an invoice, and is not closed."""

    invoice_id: UUID
    kind: str
    promised_on: date | None
    amount: Decimal | None


class KnownCustomer(NamedTuple):
    id: UUID
    external_id: str
    display_name: str
    email: str | None


_OPEN = (
    select(*(getattr(Invoice, name) for name in OpenInvoice._fields))
    .where(*live(Invoice, _BUSINESS), Invoice.balance > 0)
    .order_by(Invoice.due_on, Invoice.id)
)
_OPEN_INVOICES = Statement(_OPEN, OpenInvoice)
_OPEN_INVOICES_OF = Statement(_OPEN.where(Invoice.customer_external_id == any_(_CUSTOMERS)), OpenInvoice)
_OPEN_NOTES = Statement(
    select(*(getattr(CollectionNote, name) for name in OpenNote._fields)).where(
        CollectionNote.business_id == _BUSINESS, CollectionNote.closed_at.is_(None)
    ),
    OpenNote,
)
_KNOWN = select(*(getattr(Customer, name) for name in KnownCustomer._fields)).where(*live(Customer, _BUSINESS))
_OWING = select(Invoice.customer_external_id).where(*live(Invoice, _BUSINESS), Invoice.balance > 0)
_KNOWN_CUSTOMERS = Statement(_KNOWN.where(Customer.external_id.in_(_OWING)), KnownCustomer)
_KNOWN_CUSTOMERS_OF = Statement(_KNOWN.where(Customer.external_id == any_(_CUSTOMERS)), KnownCustomer)


@dataclass(frozen=True)
class PlanRows:
    """What a day's plan is made of.

    Attributes:
        contacts: (invoice, its customer, when it was last mailed about), by the rail's ids: reminders by hand and by sequence, of
            invoices paid since too.
        decided: of each customer for whom something was decided.
    """

    kept: KeptRules
    invoices: Sequence[OpenInvoice]
    contacts: Sequence[tuple[str, str, datetime]]
    notes: Sequence[OpenNote]
    steps: Sequence[Step]
    decided: Mapping[UUID, CustomerRules]
    credits: Sequence[UnappliedCredit]
    customers: Mapping[str, KnownCustomer]


def plan_reads(business_id: UUID, customers: Collection[str] | None = None) -> Sequence[Read[Any]]:
    """What `plan_rows` makes its rows of: of every open invoice, or of those of these customers."""
    of: dict[str, Any] = {"business_id": business_id}
    some = of if customers is None else of | {"customers": list(customers)}
    invoices, known = _OPEN_INVOICES_OF, _KNOWN_CUSTOMERS_OF
    if customers is None:
        invoices, known = _OPEN_INVOICES, _KNOWN_CUSTOMERS
    return (
        _KEPT.with_(**of),
        invoices.with_(**some),
        _CONTACTS.with_(**of),
        _OPEN_NOTES.with_(**of),
        _OPEN_STEPS.with_(**of),
        _DECIDED.with_(**of),
        unapplied_of(business_id),
        known.with_(**some),
    )


def plan_rows(found: Sequence[list[Any]]) -> PlanRows:
    """Of the rows of `plan_reads`."""
    kept, invoices, contacts, notes, steps, decided, unapplied, customers = found
    return PlanRows(
        kept=kept[0] if kept else KeptRules(),
        invoices=invoices,
        contacts=contacts,
        notes=notes,
        steps=steps,
        decided={customer: rules for customer, rules, _ in decided},
        credits=unapplied,
        customers={one.external_id: one for one in customers},
    )


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


def _step(
    invoice_id: UUID,
    level: int,
    asked_on: date,
    is_mailed: bool | None,  # noqa: FBT001  # a column
    intent_id: UUID,
    external_id: str,
    state: str,
    body: bytes | None,
) -> Step:
    """Of a mail that is over: whether the invoice is one of those that it lists."""
    if is_mailed is None and state in _GIVEN_UP:
        is_mailed = False
    elif is_mailed is None and state == ActionState.CONFIRMED.value:
        is_mailed = external_id in listed_in(body)
    return Step(invoice_id, level, asked_on, is_mailed, intent_id)


_STEP = ReminderLevelRow
_STEPS = (
    select(
        _STEP.invoice_id, _STEP.level, _STEP.asked_on, _STEP.is_mailed, _STEP.intent_id, Invoice.external_id,
        ActionIntent.state, case((_STEP.is_mailed.is_(None), ActionIntent.body)),
    )
    .join(Invoice, (Invoice.business_id == _STEP.business_id) & (Invoice.id == _STEP.invoice_id))
    .join(ActionIntent, (ActionIntent.business_id == _STEP.business_id) & (ActionIntent.id == _STEP.intent_id))
    .where(_STEP.business_id == _BUSINESS)
    .order_by(_STEP.invoice_id, _STEP.level)
)  # fmt: skip
_OPEN_STEPS = Statement(_STEPS.where(Invoice.deleted_at.is_(None), Invoice.balance > 0), _step)
_STEPS_OF_CUSTOMER = Statement(_STEPS.where(Invoice.customer_external_id == _CUSTOMER), _step)
_UNSETTLED_STEPS = Statement(_STEPS.where(_STEP.is_mailed.is_(None)), _step)


async def list_steps(session: AsyncSession, business_id: UUID, *, customer_external_id: str) -> list[Step]:
    """All of a customer's. What is not settled is read from its mail."""
    asked = _STEPS_OF_CUSTOMER.with_(business_id=business_id, customer=customer_external_id)
    return (await read_in(session, asked))[0]


async def list_unsettled_steps(session: AsyncSession, business_id: UUID) -> list[Step]:
    """Of all customers; what is known now is read from their mails."""
    return (await read_in(session, _UNSETTLED_STEPS.with_(business_id=business_id)))[0]


_CONTACTED: Any = (
    select(
        Invoice.external_id,
        Invoice.customer_external_id,
        func.max(func.coalesce(ActionIntent.settled_at, ActionIntent.created_at)),
    )
    .select_from(ActionLine)
    .join(
        ActionIntent,
        (ActionIntent.business_id == ActionLine.business_id) & (ActionIntent.id == ActionLine.intent_id),
    )
    .join(
        Invoice,
        (Invoice.business_id == ActionLine.business_id) & (Invoice.external_id == ActionLine.target_external_id),
    )
    .where(
        ActionLine.business_id == _BUSINESS,
        ActionLine.target_kind == "InvoiceMail",
        Invoice.rail == LEDGER.value,
        ActionIntent.state.not_in(_GIVEN_UP),
    )
    .group_by(Invoice.external_id, Invoice.customer_external_id)
)
_CONTACTS = Statement(_CONTACTED, lambda *row: row)
