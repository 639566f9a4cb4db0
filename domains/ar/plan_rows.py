"""The rows that a day's reminders are planned from: statements of one round trip, however many invoices and customers there are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from domains.ar.models import Customer, Invoice
from domains.ar.note_models import CollectionNote
from domains.ar.queries import unapplied_of
from domains.ar.reminder_queries import GIVEN_UP, Step, decided_of, open_steps_of, rules_of
from domains.ar.reminder_rules import CustomerRules, KeptRules
from domains.core.documents import UnappliedCredit
from domains.core.ledger import LEDGER, live
from infra.actions.models import ActionIntent, ActionLine
from infra.db.reads import Read, Statement

_BUSINESS = bindparam("business_id", type_=Uuid)
_CUSTOMERS = bindparam("customers", type_=ARRAY(Text))


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
_CONTACTED: Any = (  # of three types, where a statement takes any
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
        ActionIntent.state.not_in(GIVEN_UP),
    )
    .group_by(Invoice.external_id, Invoice.customer_external_id)
)
_CONTACTS = Statement(_CONTACTED, lambda *row: row)


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
        rules_of(business_id),
        invoices.with_(**some),
        _CONTACTS.with_(**of),
        _OPEN_NOTES.with_(**of),
        open_steps_of(business_id),
        decided_of(business_id),
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
