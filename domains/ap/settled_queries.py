"""What bills were settled with and what vendors charged: a whole period in one statement each."""

from datetime import date
from uuid import UUID

from sqlalchemy import literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.models import Bill, VendorCredit
from domains.core.ledger import LEDGER, live
from domains.core.settlements import Charged, Settlement, charged_of, settlements_of

# By card the money leaves later, when the card is paid: `money` is of payments from a bank account alone.
# Each document is looked up by its own key: without statistics of the business a join would read it whole for every line.
_SETTLEMENTS = """
WITH lines AS MATERIALIZED (
  SELECT p.external_id AS payment, p.paid_on AS day, p.exchange_rate, p.pay_type,
    line #>> '{LinkedTxn,0,TxnType}' AS kind, line #>> '{LinkedTxn,0,TxnId}' AS document_id, (line ->> 'Amount')::numeric AS amount
  FROM bill_payment AS p
  CROSS JOIN LATERAL jsonb_path_query(queryable(p.payload), '$.Line[*] ? (exists (@.LinkedTxn[0].TxnId))') AS line
  WHERE p.business_id = :business_id AND p.rail = :rail AND p.deleted_at IS NULL AND p.paid_on BETWEEN :since AND :until
  -- party
), shares AS MATERIALIZED (
  SELECT *, sum(amount) FILTER (WHERE kind <> 'VendorCredit') OVER one AS charges,
    coalesce(sum(amount) FILTER (WHERE kind = 'VendorCredit') OVER one, 0) AS credits
  FROM lines WINDOW one AS (PARTITION BY payment)
)
SELECT s.document_id, b.party_id, b.party_name, b.issued_on, b.due_on, b.total,
  s.day, s.amount AS applied,
  CASE WHEN s.pay_type = 'check' THEN coalesce(s.amount * greatest(s.charges - s.credits, 0) / nullif(s.charges, 0), 0) ELSE 0 END AS money,
  s.exchange_rate
FROM shares AS s
CROSS JOIN LATERAL (
  SELECT vendor_external_id AS party_id, vendor_name AS party_name, issued_on, due_on, total FROM bill
  WHERE business_id = :business_id AND rail = :rail AND external_id = s.document_id AND deleted_at IS NULL OFFSET 0
) AS b
WHERE s.kind = 'Bill' AND s.amount <> 0
ORDER BY s.day, s.payment, s.document_id
"""
_SETTLED = text(_SETTLEMENTS)
_SETTLED_OF_PARTY = text(_SETTLEMENTS.replace("-- party", "AND p.vendor_external_id = :party"))


async def list_settlements(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, party: str | None = None
) -> list[Settlement]:
    """`party` is the rail's id; None: of all of them."""
    asked = {"business_id": business_id, "rail": LEDGER.value, "since": since, "until": until}
    if party is None:
        return settlements_of(await session.execute(_SETTLED, asked))
    return settlements_of(await session.execute(_SETTLED_OF_PARTY, {**asked, "party": party}))


async def list_charged(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[Charged]:
    """Bills, and vendor credits as negative."""
    bills = select(Bill.issued_on.label("day"), Bill.total.label("amount"), Bill.exchange_rate).where(
        *live(Bill, business_id), Bill.issued_on.between(since, until), Bill.total != 0
    )
    given = select(VendorCredit.issued_on, VendorCredit.total * literal(-1), VendorCredit.exchange_rate).where(
        *live(VendorCredit, business_id), VendorCredit.issued_on.between(since, until), VendorCredit.total != 0
    )
    return charged_of(await session.execute(union_all(bills, given)))
