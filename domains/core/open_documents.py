"""What is open among bills, and among invoices: the same questions of two mirrors."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.documents import DueDocument, OpenDocument, OpenTotals, due_day
from domains.core.ledger import live
from infra.money import ZERO
from infra.sync.shapes import MirrorRow


class Document(DueDocument, Protocol):
    """The columns of a mirror that are read here, besides every mirror's."""

    doc_number: Any
    currency: Any
    exchange_rate: Any


async def list_open(
    session: AsyncSession, business_id: UUID, mirror: type[MirrorRow], *, party_id: Any, party_name: Any
) -> list[OpenDocument]:
    """Every open document, soonest due first; `party_id` and `party_name` are the mirror's columns of its vendor or customer."""
    document: type[Document] = _columns_of(mirror)
    rows = await session.execute(
        select(
            mirror.id,
            mirror.external_id,
            party_id,
            party_name,
            document.doc_number,
            document.issued_on,
            document.due_on,
            document.balance,
            document.currency,
            document.exchange_rate,
        )
        .where(*live(mirror, business_id), document.balance != 0)
        .order_by(document.due_on, mirror.id)
    )
    return [OpenDocument(*row) for row in rows]


async def sum_open(
    session: AsyncSession, business_id: UUID, mirror: type[MirrorRow], *, today: date, due_within_days: int
) -> list[OpenTotals]:
    """Sums of what is open, overdue and due within the days, one row a currency."""
    document: type[Document] = _columns_of(mirror)
    overdue = due_day(document) < today
    due = due_day(document).between(today, today + timedelta(days=due_within_days))

    def sum_where(condition: ColumnElement[bool]) -> ColumnElement[Decimal]:
        total: ColumnElement[Decimal] = func.coalesce(func.sum(document.balance).filter(condition), ZERO)
        return total

    rows = await session.execute(
        select(
            document.currency,
            func.count(),
            func.sum(document.balance),
            func.count().filter(overdue),
            sum_where(overdue),
            func.count().filter(due),
            sum_where(due),
        )
        .where(*live(mirror, business_id), document.balance != 0)
        .group_by(document.currency)
        .order_by(document.currency)
    )
    return [OpenTotals(*row) for row in rows]


def sum_at_home(amount: Any, exchange_rate: Any) -> ColumnElement[Decimal | None]:
    """Amounts added up by the documents' own rates, each to the cent; null where one of them names none."""
    total: ColumnElement[Decimal | None] = case(
        (func.count() == func.count(exchange_rate), func.sum(func.round(amount * exchange_rate, 2))), else_=None
    )
    return total


def _columns_of(mirror: Any) -> Any:
    """The same class, for its own columns: a mirror's type says only what every mirror has."""
    return mirror
