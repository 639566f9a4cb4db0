"""Payments that appeared in the ledger for bills which nobody had approved: found a set at a time, after a sync."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import approval_queries
from domains.ap.approvals import (
    ApprovalFact,
    ApprovalPolicy,
    ApprovalStatus,
    Material,
    Standing,
    remit_address,
    standing_of,
)
from domains.ap.mirrors import BILLS_FROM_QBO
from domains.core.ledger import LEDGER
from domains.core.notices import NoticeKind
from infra.ids import first_id_of
from infra.sync.transaction_log import TransactionLogService

_LOOKED_BACK = timedelta(
    days=14
)  # a payment is looked at after the sync that brings it; this is how late that may fail to
_MOST = 200

# What nobody was told of yet, newer than approvals are asked for, and of none of our actions: one that names the payment, or one that
# does not know its own yet and whose mark the payment carries. Our ids rise with time, so the newest are the end of the primary key.
# Step by step: of a book that was just read the planner knows nothing, and would compare each payment with every other.
_BYPASSING = text("""
WITH fresh AS MATERIALIZED (
  SELECT p.id, p.external_id, p.vendor_name, p.vendor_external_id, p.paid_on, p.total, p.currency, p.memo, p.doc_number,
    queryable(p.payload) AS payload
  FROM bill_payment AS p
  WHERE p.business_id = :business_id AND p.rail = :rail AND p.id >= :first_id AND p.deleted_at IS NULL AND p.total > 0
    AND p.rail_updated_at >= :since
), made AS MATERIALIZED (
  SELECT * FROM fresh AS f
  WHERE (f.payload #>> '{MetaData,CreateTime}')::timestamptz >= :since
    AND f.id::text NOT IN (SELECT n.subject FROM notice AS n WHERE n.business_id = :business_id AND n.kind = :kind)
    AND f.external_id NOT IN (
      SELECT i.external_id FROM action_intent AS i
      WHERE i.business_id = :business_id AND i.rail = :rail AND i.entity = 'BillPayment' AND i.external_id IS NOT NULL
    )
    AND NOT EXISTS (
      SELECT FROM action_intent AS i
      WHERE i.business_id = :business_id AND i.rail = :rail AND i.entity = 'BillPayment' AND i.external_id IS NULL
        AND strpos(concat_ws(' ', f.memo, f.doc_number), i.mark) > 0
    )
)
SELECT f.id, f.external_id, f.vendor_name, f.vendor_external_id, f.paid_on, f.total, f.currency, b.id AS bill_id, l.recorded_at
FROM made AS f
CROSS JOIN LATERAL (
  SELECT DISTINCT link ->> 'TxnId' AS bill
  FROM jsonb_path_query(f.payload, '$.Line[*].LinkedTxn[*] ? (@.TxnType == "Bill")') AS link
) AS links
CROSS JOIN LATERAL (
  SELECT id FROM bill WHERE business_id = :business_id AND rail = :rail AND external_id = links.bill OFFSET 0
) AS b
CROSS JOIN LATERAL (
  SELECT recorded_at FROM bill_payment_transaction_log
  WHERE business_id = :business_id AND entity_id = f.id AND version = 1 OFFSET 0
) AS l
ORDER BY f.id, b.id
LIMIT :most
""")


@dataclass(frozen=True)
class Bypassing:
    """A payment of the ledger's own, and those of its bills that needed an approval and had not all they needed when it appeared."""

    payment_id: UUID
    external_id: str
    vendor: str
    paid_on: date
    total: Decimal
    currency: str
    bills: Sequence[Standing]


async def list_bypassing(
    session: AsyncSession,
    business_id: UUID,
    *,
    policy: ApprovalPolicy,
    home_currency: str,
    since: datetime,
    now: datetime,
) -> list[Bypassing]:
    """Those that nobody was told of, made in the ledger at `since` or later."""
    asked = {
        "business_id": business_id, "rail": LEDGER.value, "kind": NoticeKind.BYPASS.value, "since": since,
        "first_id": first_id_of(now - _LOOKED_BACK), "most": _MOST,
    }  # fmt: skip
    rows = (await session.execute(_BYPASSING, asked)).all()
    bill_ids = {row.bill_id for row in rows}
    figures = {bill.id: bill for bill in await approval_queries.list_figures(session, business_id, bill_ids)}
    facts = await approval_queries.list_facts(session, business_id, bill_ids)
    addresses = await approval_queries.list_addresses(session, business_id, list(facts))
    unapproved: defaultdict[UUID, list[Standing]] = defaultdict(list)
    for row in rows:
        bill = figures[row.bill_id]
        before = [fact for fact in facts.get(bill.id, ()) if fact.recorded_at <= row.recorded_at]
        now_is = Material.of(bill, remit_to=addresses[bill.id], home_currency=home_currency) if before else None
        standing = standing_of(bill, before, material=now_is, policy=policy, home_currency=home_currency)
        if standing.changed:
            was = await _material_at(
                session, business_id, before[-1], instant=row.recorded_at, home_currency=home_currency
            )
            standing = standing_of(bill, before, material=was, policy=policy, home_currency=home_currency)
        if standing.status in {ApprovalStatus.WAITING, ApprovalStatus.WAITING_FOR_SECOND}:
            unapproved[row.id].append(standing)
    return [
        Bypassing(
            payment_id=row.id,
            external_id=row.external_id,
            vendor=row.vendor_name or f"vendor {row.vendor_external_id}",
            paid_on=row.paid_on,
            total=row.total,
            currency=row.currency or home_currency,
            bills=unapproved[row.id],
        )
        for row in {row.id: row for row in rows if row.id in unapproved}.values()
    ]


async def _material_at(
    session: AsyncSession, business_id: UUID, last: ApprovalFact, *, instant: datetime, home_currency: str
) -> Material | None:
    """What the bill was when the payment appeared: an edit since then reopens its approval, and makes no bypass of the payment.

    The vendor's own address is taken to have been what was approved.
    """
    log = TransactionLogService(session)
    then = await log.as_of(BILLS_FROM_QBO, business_id, entity_id=last.bill_id, instant=instant)
    if then is None:
        return None
    bill = then.mirror
    remit_to = remit_address(bill.payload.get("RemitToAddr"), bill.payload.get("VendorAddr")) or last.remit_to
    return Material(bill.total, bill.currency or home_currency, bill.vendor_external_id, bill.due_on, remit_to)
