"""What customers settled and what they were charged: a whole period in one statement each."""

from datetime import date
from uuid import UUID

from sqlalchemy import literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.models import CreditMemo, Invoice
from domains.core.ledger import LEDGER, live
from domains.core.settlements import Charged, Settlement, charged_of, settlements_of

# A payment's lines are what it applies, credit memos too: these lower what of the rest was money.
# Each document is looked up by its own key: without statistics of the business a join would read it whole for every line.
_SETTLEMENTS = """
WITH lines AS MATERIALIZED (
  SELECT r.external_id AS receipt, r.received_on AS day, r.exchange_rate,
    line #>> '{LinkedTxn,0,TxnType}' AS kind, line #>> '{LinkedTxn,0,TxnId}' AS document_id, (line ->> 'Amount')::numeric AS amount
  FROM receipt AS r
  CROSS JOIN LATERAL jsonb_path_query(queryable(r.payload), '$.Line[*] ? (exists (@.LinkedTxn[0].TxnId))') AS line
  WHERE r.business_id = :business_id AND r.rail = :rail AND r.deleted_at IS NULL AND r.received_on BETWEEN :since AND :until
  -- party
), shares AS MATERIALIZED (
  SELECT *, sum(amount) FILTER (WHERE kind <> 'CreditMemo') OVER one AS charges,
    coalesce(sum(amount) FILTER (WHERE kind = 'CreditMemo') OVER one, 0) AS credits
  FROM lines WINDOW one AS (PARTITION BY receipt)
)
SELECT s.document_id, i.party_id, i.party_name, i.issued_on, i.due_on, i.total,
  s.day, s.amount AS applied, coalesce(s.amount * greatest(s.charges - s.credits, 0) / nullif(s.charges, 0), 0) AS money, s.exchange_rate
FROM shares AS s
CROSS JOIN LATERAL (
  SELECT customer_external_id AS party_id, customer_name AS party_name, issued_on, due_on, total FROM invoice
  WHERE business_id = :business_id AND rail = :rail AND external_id = s.document_id AND deleted_at IS NULL OFFSET 0
) AS i
WHERE s.kind = 'Invoice' AND s.amount <> 0
ORDER BY s.day, s.receipt, s.document_id
"""
_SETTLED = text(_SETTLEMENTS)
_SETTLED_OF_PARTY = text(_SETTLEMENTS.replace("-- party", "AND r.customer_external_id = :party"))


async def list_settlements(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, party: str | None = None
) -> list[Settlement]:
    """`party` is the rail's id; None: of all of them."""
    asked = {"business_id": business_id, "rail": LEDGER.value, "since": since, "until": until}
    if party is None:
        return settlements_of(await session.execute(_SETTLED, asked))
    return settlements_of(await session.execute(_SETTLED_OF_PARTY, {**asked, "party": party}))


async def list_charged(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[Charged]:
    """Invoices, and credit memos as negative."""
    invoices = select(Invoice.issued_on.label("day"), Invoice.total.label("amount"), Invoice.exchange_rate).where(
        *live(Invoice, business_id), Invoice.issued_on.between(since, until), Invoice.total != 0
    )
    memos = select(CreditMemo.issued_on, CreditMemo.total * literal(-1), CreditMemo.exchange_rate).where(
        *live(CreditMemo, business_id), CreditMemo.issued_on.between(since, until), CreditMemo.total != 0
    )
    return charged_of(await session.execute(union_all(invoices, memos)))
