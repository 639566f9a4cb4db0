"""Every SELECT over what we owe. Each takes a session limited to the business, and filters by it once more."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, literal, null, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.models import Bill, BillPayment, PayType, Vendor, VendorCredit
from domains.core.document_pages import DocumentPages
from domains.core.documents import ListedDocument, OpenDocument, OpenTotals, UnappliedCredit
from domains.core.errors import UnreadableCursor
from domains.core.ledger import LEDGER, in_home_currency, live, movements_of
from domains.core.movements import CashMovement
from domains.core.open_documents import list_open, sum_at_home, sum_open
from domains.core.paging import DueCursor, Page, page_of

# What a payment holds beyond the bills it settles is the vendor's credit. Credits it applies are lines too, and reduce the cash.
_OVERPAID = text("""
SELECT p.vendor_external_id, max(p.vendor_name), p.currency, sum(p.total - lines.net) AS amount,
  CASE WHEN count(*) = count(p.exchange_rate) THEN sum(round((p.total - lines.net) * p.exchange_rate, 2)) END AS home_amount
FROM bill_payment AS p
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN line #>> '{LinkedTxn,0,TxnType}' = 'VendorCredit' THEN -1 ELSE 1 END
                      * (line ->> 'Amount')::numeric), 0) AS net
  FROM jsonb_path_query(queryable(p.payload), '$.Line[*]') AS line
) AS lines
WHERE p.business_id = :business_id AND p.rail = :rail AND p.deleted_at IS NULL AND p.total > lines.net
GROUP BY p.vendor_external_id, p.currency
""")


# Whatever was entered since then was changed since then: only of these the moment of entry is looked up in the payload.
_ENTERED = text("""
SELECT (b.payload #>> '{MetaData,CreateTime}')::timestamptz AS entered_at, b.total, b.exchange_rate
FROM (
  SELECT queryable(payload) AS payload, total, exchange_rate FROM bill
  WHERE business_id = :business_id AND rail = :rail AND deleted_at IS NULL AND rail_updated_at >= :since
) AS b
WHERE (b.payload #>> '{MetaData,CreateTime}')::timestamptz >= :since
""")


class EnteredBill(NamedTuple):
    """When a bill reached the books, and its total in home currency."""

    entered_at: datetime
    amount: Decimal


class ListedBill(ListedDocument):
    """A bill as a list shows it."""

    vendor_external_id: str
    vendor_name: str | None


PAGES_OF_BILLS = DocumentPages(
    Bill, ListedBill, party=Bill.vendor_external_id, party_name=Bill.vendor_name, parties=Vendor
)


async def list_open_bills(session: AsyncSession, business_id: UUID) -> list[OpenDocument]:
    return await list_open(session, business_id, Bill, party_id=Bill.vendor_external_id, party_name=Bill.vendor_name)


async def sum_open_bills(
    session: AsyncSession, business_id: UUID, *, today: date, due_within_days: int
) -> list[OpenTotals]:
    return await sum_open(session, business_id, Bill, today=today, due_within_days=due_within_days)


async def list_unapplied_credits(session: AsyncSession, business_id: UUID) -> list[UnappliedCredit]:
    unused = await session.execute(
        select(
            VendorCredit.vendor_external_id,
            func.max(VendorCredit.vendor_name),
            VendorCredit.currency,
            func.sum(VendorCredit.balance),
            sum_at_home(VendorCredit.balance, VendorCredit.exchange_rate),
        )
        .where(*live(VendorCredit, business_id), VendorCredit.balance != 0)
        .group_by(VendorCredit.vendor_external_id, VendorCredit.currency)
    )
    overpaid = await session.execute(_OVERPAID, {"business_id": business_id, "rail": LEDGER.value})
    return _merged([UnappliedCredit(*row) for row in [*unused, *overpaid]])


def _merged(parts: list[UnappliedCredit]) -> list[UnappliedCredit]:
    merged: dict[tuple[str, str | None], UnappliedCredit] = {}
    for part in parts:
        key = (part.party_external_id, part.currency)
        held = merged.get(key)
        merged[key] = (
            part if held is None else replace(held, amount=held.amount + part.amount, home_amount=_both(held, part))
        )
    return list(merged.values())


def _both(one: UnappliedCredit, other: UnappliedCredit) -> Decimal | None:
    return None if one.home_amount is None or other.home_amount is None else one.home_amount + other.home_amount


async def list_entered(session: AsyncSession, business_id: UUID, *, since: datetime) -> list[EnteredBill]:
    asked = {"business_id": business_id, "rail": LEDGER.value, "since": since}
    rows = await session.execute(_ENTERED, asked)
    return [EnteredBill(row.entered_at, in_home_currency(row.total, row.exchange_rate)) for row in rows]


async def page_of_bill_payments(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, after: str | None, limit: int
) -> Page[BillPayment]:
    """Newest first."""
    conditions = [*live(BillPayment, business_id), BillPayment.paid_on.between(since, until)]
    if after is not None:
        last = DueCursor.decode(after)
        if last.due_on is None:
            raise UnreadableCursor  # every payment has its day
        conditions.append(tuple_(BillPayment.paid_on, BillPayment.id) < tuple_(literal(last.due_on), literal(last.id)))
    query = select(BillPayment).where(*conditions).order_by(BillPayment.paid_on.desc(), BillPayment.id.desc())
    rows = list(await session.scalars(query.limit(limit + 1)))
    return page_of(rows, limit, cursor_of=lambda payment: DueCursor(payment.paid_on, payment.id).encode())


async def list_bill_payments(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, limit: int
) -> list[BillPayment]:
    return list(
        await session.scalars(
            select(BillPayment)
            .where(*live(BillPayment, business_id), BillPayment.paid_on.between(since, until))
            .order_by(BillPayment.paid_on.desc(), BillPayment.id)
            .limit(limit)
        )
    )


async def list_movements(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[CashMovement]:
    """Payments that left a bank account; one by card leaves it later, when the card itself is paid."""
    rows = await session.execute(
        select(
            BillPayment.paid_on.label("day"),
            (-BillPayment.total).label("amount"),
            BillPayment.account_external_id.label("account"),
            null().label("counter"),
            BillPayment.vendor_name.label("party"),
            literal("BillPayment").label("source"),
            BillPayment.external_id,
            BillPayment.memo,
            BillPayment.exchange_rate,
            true().label("is_trade"),
        )
        .where(
            *live(BillPayment, business_id),
            BillPayment.paid_on.between(since, until),
            BillPayment.pay_type == PayType.CHECK.value,
            BillPayment.account_external_id.is_not(None),
            BillPayment.total != 0,
        )
        .order_by(BillPayment.paid_on, BillPayment.id)
    )
    return movements_of(rows)
