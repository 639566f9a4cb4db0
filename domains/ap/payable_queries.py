"""What is asked of the mirror before bills are paid: a fixed number of statements, however many bills there are."""

from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Date, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.models import Bill, BillPayment, Vendor, VendorCredit
from domains.ap.paying import AlikePayment, Credit, Payable
from domains.core.ledger import LEDGER, live
from infra.actions.states import SETTLED
from infra.db.reads import Read, Statement

ALIKE_WITHIN = timedelta(days=7)

_BUSINESS, _BILLS = bindparam("business_id", type_=Uuid), bindparam("bill_ids", type_=ARRAY(Uuid))
_PAYABLE = Statement(
    select(*(getattr(Bill, name) for name in Payable._fields[:-1]), Vendor.is_active)
    .outerjoin(
        Vendor,
        (Vendor.business_id == Bill.business_id)
        & (Vendor.rail == Bill.rail)
        & (Vendor.external_id == Bill.vendor_external_id)
        & Vendor.deleted_at.is_(None),
    )
    .where(*live(Bill, _BUSINESS), Bill.id == any_(_BILLS)),
    Payable,
)
_ALIKE = Statement(
    select(*(getattr(BillPayment, name) for name in AlikePayment._fields))
    .where(
        *live(BillPayment, _BUSINESS),
        BillPayment.vendor_external_id.in_(
            select(Bill.vendor_external_id).where(*live(Bill, _BUSINESS), Bill.id == any_(_BILLS))
        ),
        BillPayment.paid_on.between(bindparam("first", type_=Date), bindparam("last", type_=Date)),
        BillPayment.total > 0,
    )
    .order_by(BillPayment.paid_on.desc()),
    AlikePayment,
)
# `paid_on` is in ISO form, so in order of days.
_UNDER_WAY = """
SELECT content_digest FROM action_intent
WHERE business_id = %(business_id)s AND operation = %(operation)s AND content_digest IS NOT NULL
  AND id IN (SELECT intent_id FROM action_line WHERE business_id = %(business_id)s AND is_open AND is_guarded)
  AND state <> ALL(%(settled)s) AND meaning ->> 'paid_on' BETWEEN %(first)s AND %(last)s
"""
_SETTLED = [state.value for state in SETTLED]


def days_around(day: date) -> tuple[date, date]:
    """The first and the last day within `ALIKE_WITHIN` of a day, be it the first or the last that there is."""
    return max(day, date.min + ALIKE_WITHIN) - ALIKE_WITHIN, min(day, date.max - ALIKE_WITHIN) + ALIKE_WITHIN


def read_payable(business_id: UUID, bill_ids: Collection[UUID]) -> Read[Payable]:
    """Bills by our id, open or not, with whether their vendor is active; those deleted are left out."""
    return _PAYABLE.with_(business_id=business_id, bill_ids=list(bill_ids))


async def list_credits(session: AsyncSession, business_id: UUID, credit_ids: Collection[UUID]) -> dict[UUID, Credit]:
    """Vendor credits by our id."""
    columns = [getattr(VendorCredit, name) for name in Credit._fields]
    query = select(*columns).where(*live(VendorCredit, business_id), VendorCredit.id.in_(credit_ids))
    return {row[0]: Credit._make(row) for row in await session.execute(query)}


async def list_unused_credits(session: AsyncSession, business_id: UUID, vendor_external_id: str) -> list[Credit]:
    """Of one vendor, those with something left, the oldest first."""
    columns = [getattr(VendorCredit, name) for name in Credit._fields]
    query = select(*columns).where(
        *live(VendorCredit, business_id),
        VendorCredit.vendor_external_id == vendor_external_id,
        VendorCredit.balance > 0,
    )
    rows = await session.execute(query.order_by(VendorCredit.issued_on, VendorCredit.id))
    return [Credit._make(row) for row in rows]


def read_alike(business_id: UUID, bill_ids: Collection[UUID], *, around: date) -> Read[AlikePayment]:
    """Payments to these bills' vendors within seven days of `around`, voided ones left out."""
    first, last = days_around(around)
    return _ALIKE.with_(business_id=business_id, bill_ids=list(bill_ids), first=first, last=last)


async def ids_of_bills(session: AsyncSession, business_id: UUID, external_ids: Collection[str]) -> dict[str, UUID]:
    """Our ids of bills, by the rail's; deleted ones too."""
    query = select(Bill.external_id, Bill.id).where(
        Bill.business_id == business_id, Bill.rail == LEDGER.value, Bill.external_id.in_(external_ids)
    )
    rows = await session.execute(query)
    return {row.external_id: row.id for row in rows}


def read_under_way(business_id: UUID, operation: str, *, around: date) -> Read[bytes]:
    """What each payment looks like that is not settled yet, whenever it was asked for, and is dated within seven days of `around`.

    Those settled are in the mirror.
    """
    first, last = days_around(around)
    asked = {"business_id": business_id, "operation": operation, "settled": _SETTLED}
    return Read(_UNDER_WAY, {**asked, "first": first.isoformat(), "last": last.isoformat()}, bytes)


class RecordedPayment(NamedTuple):
    """A payment as the mirror has it. `bills` are the rail's ids of those it paid."""

    id: UUID
    external_id: str
    vendor_name: str | None
    paid_on: date
    total: Decimal
    currency: str | None
    exchange_rate: Decimal | None
    memo: str | None
    bills: tuple[str, ...]

    @property
    def is_voided(self) -> bool:
        """The ledger has no flag for it: nothing paid, no lines, and the word in front of the memo."""
        return self.total == 0 and not self.bills and (self.memo or "").startswith("Voided")


async def find_recorded(
    session: AsyncSession, business_id: UUID, *, payment_id: UUID | None = None, external_id: str | None = None
) -> RecordedPayment | None:
    """By our id or by the rail's; None when there is none, or it was deleted."""
    columns = [getattr(BillPayment, name) for name in RecordedPayment._fields[:-1]]
    is_asked_for = BillPayment.id == payment_id if payment_id is not None else BillPayment.external_id == external_id
    query = select(*columns, BillPayment.payload).where(*live(BillPayment, business_id), is_asked_for)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    *columns_of_row, payload = row
    links = [link for line in payload.get("Line") or () for link in line.get("LinkedTxn") or ()]
    bills = tuple(str(link["TxnId"]) for link in links if link.get("TxnType") == "Bill")
    return RecordedPayment._make([*columns_of_row, bills])
