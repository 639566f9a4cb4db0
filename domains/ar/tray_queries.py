"""Open invoices of several businesses as the tray needs them, one statement a question."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_notes import NoteKind
from domains.ar.models import Customer, Invoice
from domains.core.ledger import LEDGER, live
from infra.db.reads import Statement, read_in


class InvoiceFigures(NamedTuple):
    """An open invoice; `balance` in `currency` (None: home)."""

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

    @property
    def words(self) -> str:
        number = f"Invoice {self.doc_number}" if self.doc_number else f"The invoice {self.external_id}"
        return f"{number} of {self.customer_name or f'customer {self.customer_external_id}'}"


@dataclass(frozen=True)
class OpenPromise:
    """What a customer promised and nobody has ended; `promised_on` may be over."""

    invoice: InvoiceFigures
    promised_on: date
    amount: Decimal | None


_COLUMNS = ", ".join(f"i.{name}" for name in InvoiceFigures._fields)
_NAMED = text(f"""
SELECT i.business_id, {_COLUMNS}
FROM unnest(CAST(:business_ids AS uuid[]), CAST(:external_ids AS text[])) AS w(business_id, external_id)
JOIN invoice AS i ON i.business_id = w.business_id AND i.rail = :rail AND i.external_id = w.external_id
WHERE i.deleted_at IS NULL AND i.balance <> 0
""")  # noqa: S608  # names of our own columns
_PROMISED = text(f"""
SELECT i.business_id, {_COLUMNS}, n.promised_on, n.amount
FROM collection_note AS n
JOIN invoice AS i ON i.business_id = n.business_id AND i.id = n.invoice_id
WHERE n.business_id = ANY(:business_ids) AND n.kind = :kind AND n.closed_at IS NULL AND n.promised_on IS NOT NULL
  AND i.rail = :rail AND i.deleted_at IS NULL AND i.balance <> 0
""")  # noqa: S608  # as above


async def list_open_invoices(
    session: AsyncSession, named: Collection[tuple[UUID, str]]
) -> dict[UUID, dict[str, InvoiceFigures]]:
    """Business → the rail's id → invoice, of those (business, the rail's id) named that are open."""
    if not named:
        return {}
    asked = {
        "business_ids": [business_id for business_id, _ in named],
        "external_ids": [external_id for _, external_id in named],
        "rail": LEDGER.value,
    }
    found: dict[UUID, dict[str, InvoiceFigures]] = defaultdict(dict)
    for business_id, *columns in await session.execute(_NAMED, asked):
        invoice = InvoiceFigures(*columns)
        found[business_id][invoice.external_id] = invoice
    return found


async def list_open_promises(
    session: AsyncSession, business_ids: Collection[UUID]
) -> dict[UUID, dict[str, OpenPromise]]:
    """Business → the invoice's id at the rail → its promise, of invoices that are open still."""
    asked = {"business_ids": list(business_ids), "kind": NoteKind.PROMISE.value, "rail": LEDGER.value}
    found: dict[UUID, dict[str, OpenPromise]] = defaultdict(dict)
    for business_id, *columns, promised_on, amount in await session.execute(_PROMISED, asked):
        promise = OpenPromise(InvoiceFigures(*columns), promised_on, amount)
        found[business_id][promise.invoice.external_id] = promise
    return found


_FIGURES = Statement(
    select(*(getattr(Invoice, name) for name in InvoiceFigures._fields)).where(
        *live(Invoice, bindparam("business_id", type_=Uuid)),
        Invoice.id == any_(bindparam("invoice_ids", type_=ARRAY(Uuid))),
    ),
    InvoiceFigures,
)


async def list_figures(
    session: AsyncSession, business_id: UUID, invoice_ids: Collection[UUID]
) -> dict[UUID, InvoiceFigures]:
    """By our id, paid ones too; what is not there, or deleted, is left out."""
    if not invoice_ids:
        return {}
    (found,) = await read_in(session, _FIGURES.with_(business_id=business_id, invoice_ids=list(invoice_ids)))
    return {one.id: one for one in found}


async def list_customer_ids(
    session: AsyncSession, business_id: UUID, customer_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Our id → the rail's."""
    if not customer_ids:
        return {}
    query = select(Customer.id, Customer.external_id).where(*live(Customer, business_id), Customer.id.in_(customer_ids))
    return {row[0]: row[1] for row in await session.execute(query)}
