"""Every SELECT over reminders: a fixed number of statements, however many invoices and customers there are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, case, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_notes import NoteKind
from domains.ar.models import Invoice
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
from domains.core.ledger import LEDGER
from infra.actions.models import ActionIntent
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
GIVEN_UP = (ActionState.FAILED.value, ActionState.CANCELLED.value)
_BUSINESS = bindparam("business_id", type_=Uuid)
_CUSTOMER = bindparam("customer", type_=Text)
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


def rules_of(business_id: UUID) -> Read[KeptRules]:
    """What counts now; nothing where nobody has set anything."""
    return _KEPT.with_(business_id=business_id)


async def find_rules(session: AsyncSession, business_id: UUID) -> KeptRules:
    """What counts now; switched off where nobody has set anything."""
    (found,) = await read_in(session, rules_of(business_id))
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


def decided_of(business_id: UUID) -> Read[tuple[UUID, CustomerRules, Made]]:
    """What counts now, of each customer for whom something was decided."""
    return _DECIDED.with_(business_id=business_id)


async def find_customer_rules(
    session: AsyncSession, business_id: UUID, customer_id: UUID
) -> tuple[CustomerRules, Made]:
    """What counts now for this customer."""
    (found,) = await read_in(session, _DECIDED_OF.with_(business_id=business_id, customer_id=customer_id))
    return found[0][1:] if found else (CustomerRules(), Made())


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
    if is_mailed is None and state in GIVEN_UP:
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


def open_steps_of(business_id: UUID) -> Read[Step]:
    """Steps of invoices that are open."""
    return _OPEN_STEPS.with_(business_id=business_id)


async def list_steps(session: AsyncSession, business_id: UUID, *, customer_external_id: str) -> list[Step]:
    """All of a customer's. What is not settled is read from its mail."""
    asked = _STEPS_OF_CUSTOMER.with_(business_id=business_id, customer=customer_external_id)
    return (await read_in(session, asked))[0]


async def list_unsettled_steps(session: AsyncSession, business_id: UUID) -> list[Step]:
    """Of all customers; what is known now is read from their mails."""
    return (await read_in(session, _UNSETTLED_STEPS.with_(business_id=business_id)))[0]
