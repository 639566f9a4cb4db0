"""Every SELECT over what we are owed. Each takes a session limited to the business, and filters by it once more."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, bindparam, cast, func, literal, null, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.models import CreditMemo, Customer, Invoice, Receipt, SalesReceipt
from domains.core.document_pages import DocumentPages
from domains.core.documents import ListedDocument, OpenDocument, OpenTotals, UnappliedCredit
from domains.core.ledger import live, movements_of
from domains.core.movements import CashMovement
from domains.core.open_documents import list_open, sum_at_home, sum_open
from infra.db.reads import Read, Statement, read_in


class ListedInvoice(ListedDocument):
    """An invoice as a list shows it."""

    customer_external_id: str
    customer_name: str | None
    email_status: str | None
    email: str | None


PAGES_OF_INVOICES = DocumentPages(
    Invoice, ListedInvoice, party=Invoice.customer_external_id, party_name=Invoice.customer_name, parties=Customer
)


async def list_open_invoices(session: AsyncSession, business_id: UUID) -> list[OpenDocument]:
    return await list_open(
        session, business_id, Invoice, party_id=Invoice.customer_external_id, party_name=Invoice.customer_name
    )


async def sum_open_invoices(
    session: AsyncSession, business_id: UUID, *, today: date, due_within_days: int
) -> list[OpenTotals]:
    return await sum_open(session, business_id, Invoice, today=today, due_within_days=due_within_days)


def _unapplied() -> Select[Any]:
    business = bindparam("business_id", type_=Uuid)
    receipts = select(
        Receipt.customer_external_id.label("party"),
        Receipt.customer_name.label("name"),
        Receipt.currency.label("currency"),
        Receipt.unapplied.label("amount"),
        Receipt.exchange_rate.label("rate"),
    ).where(*live(Receipt, business), Receipt.unapplied != 0)
    memos = select(
        CreditMemo.customer_external_id,
        CreditMemo.customer_name,
        CreditMemo.currency,
        CreditMemo.balance,
        CreditMemo.exchange_rate,
    ).where(*live(CreditMemo, business), CreditMemo.balance != 0)
    unused = union_all(receipts, memos).subquery()
    return (
        select(
            unused.c.party,
            func.max(unused.c.name),
            unused.c.currency,
            func.sum(unused.c.amount),
            sum_at_home(unused.c.amount, unused.c.rate),
        )
        .group_by(unused.c.party, unused.c.currency)
        .order_by(unused.c.party)
    )


_UNAPPLIED = Statement(_unapplied(), UnappliedCredit)


def unapplied_of(business_id: UUID) -> Read[UnappliedCredit]:
    """What customers have paid or were credited, and no invoice has used up."""
    return _UNAPPLIED.with_(business_id=business_id)


async def list_unapplied_credits(session: AsyncSession, business_id: UUID) -> list[UnappliedCredit]:
    return (await read_in(session, unapplied_of(business_id)))[0]


async def list_receipts(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, limit: int
) -> list[Receipt]:
    return list(
        await session.scalars(
            select(Receipt)
            .where(*live(Receipt, business_id), Receipt.received_on.between(since, until))
            .order_by(Receipt.received_on.desc(), Receipt.id)
            .limit(limit)
        )
    )


async def list_movements(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[CashMovement]:
    """Receipts and sales receipts, each into the account it names (Undeposited Funds is one: a deposit moves it on)."""
    receipts = _movements_into(Receipt, Receipt.received_on, source="Receipt")
    sales = _movements_into(SalesReceipt, SalesReceipt.sold_on, source="SalesReceipt")
    period = {"since": since, "until": until}
    rows = await session.execute(
        union_all(receipts.where(*live(Receipt, business_id)), sales.where(*live(SalesReceipt, business_id))),
        period,
    )
    return movements_of(rows)


def _movements_into(mirror: type[Receipt] | type[SalesReceipt], day: Any, *, source: str) -> Select[Any]:
    query: Select[Any] = select(
        day.label("day"),
        mirror.total.label("amount"),
        mirror.deposit_to_account_external_id.label("account"),
        cast(null(), Text).label("counter"),
        mirror.customer_name.label("party"),
        literal(source).label("source"),
        mirror.external_id,
        mirror.memo,
        mirror.exchange_rate,
        true().label("is_trade"),
    ).where(
        day.between(bindparam("since"), bindparam("until")),
        mirror.deposit_to_account_external_id.is_not(None),
        mirror.total != 0,
    )
    return query
