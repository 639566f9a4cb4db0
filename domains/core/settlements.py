"""What ap and ar tell of the past: what was charged, and what settled it. A whole period in one statement each."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ledger import LEDGER, in_home_currency, live

# A payment's lines are what it applies, credits too: these lower what of the rest was money.
# Each document is looked up by its own key: without statistics of the business a join would read it whole for every line.
_SETTLEMENTS: Final = """
WITH lines AS MATERIALIZED (
  SELECT p.external_id AS payment, p.{paid_on} AS day, p.exchange_rate, {is_money} AS is_money,
    line #>> '{{LinkedTxn,0,TxnType}}' AS kind, line #>> '{{LinkedTxn,0,TxnId}}' AS document_id, (line ->> 'Amount')::numeric AS amount
  FROM {payment} AS p
  CROSS JOIN LATERAL jsonb_path_query(queryable(p.payload), '$.Line[*] ? (exists (@.LinkedTxn[0].TxnId))') AS line
  WHERE p.business_id = :business_id AND p.rail = :rail AND p.deleted_at IS NULL AND p.{paid_on} BETWEEN :since AND :until
    {of_party}
), shares AS MATERIALIZED (
  SELECT *, sum(amount) FILTER (WHERE kind <> :credit) OVER one AS charges,
    coalesce(sum(amount) FILTER (WHERE kind = :credit) OVER one, 0) AS credits
  FROM lines WINDOW one AS (PARTITION BY payment)
)
SELECT s.document_id, d.party_id, d.party_name, d.issued_on, d.due_on, d.total,
  s.day, s.amount AS applied,
  CASE WHEN s.is_money THEN coalesce(s.amount * greatest(s.charges - s.credits, 0) / nullif(s.charges, 0), 0) ELSE 0 END AS money,
  s.exchange_rate
FROM shares AS s
CROSS JOIN LATERAL (
  SELECT {party}_external_id AS party_id, {party}_name AS party_name, issued_on, due_on, total FROM {document}
  WHERE business_id = :business_id AND rail = :rail AND external_id = s.document_id AND deleted_at IS NULL OFFSET 0
) AS d
WHERE s.kind = :charge AND s.amount <> 0
ORDER BY s.day, s.payment, s.document_id
"""


@dataclass(frozen=True)
class Settlement:
    """One payment's part on one document, or a credit's.

    Attributes:
        document_id, party_id: the rail's.
        due_on: None where the document has none.
        total: of the document, in the document's currency, as `applied` is.
        applied: what is no longer open on the document by it; `applied_home` in home currency.
        money: home currency; what of it was money. A credit that is applied brings none.
    """

    document_id: str
    party_id: str
    party_name: str | None
    issued_on: date
    due_on: date | None
    total: Decimal
    on: date
    applied: Decimal
    applied_home: Decimal
    money: Decimal


@dataclass(frozen=True)
class Charged:
    """A document's total; home currency, a credit negative."""

    on: date
    amount: Decimal


@dataclass(frozen=True)
class SettledTables:
    """One side's mirrors; what charges and what credits in the rail's words.

    `party` begins the names of the columns of whoever it is. `is_money`: of a payment `p`, whether it moved a bank account.
    """

    document: str
    charge: str
    credit: str
    payment: str
    paid_on: str
    party: str
    is_money: str = "true"


async def list_settlements(
    session: AsyncSession,
    business_id: UUID,
    tables: SettledTables,
    *,
    since: date,
    until: date,
    party: str | None,
) -> list[Settlement]:
    """`party` is the rail's id; None: of all of them. Names in `tables` come from the domains, never from a request."""
    of_party = "" if party is None else f"AND p.{tables.party}_external_id = :party"
    asked = {"business_id": business_id, "rail": LEDGER.value, "since": since, "until": until}
    asked |= {"charge": tables.charge, "credit": tables.credit} | ({} if party is None else {"party": party})
    rows = await session.execute(text(_SETTLEMENTS.format(**asdict(tables), of_party=of_party)), asked)
    return [
        Settlement(
            document_id=row.document_id,
            party_id=row.party_id,
            party_name=row.party_name,
            issued_on=row.issued_on,
            due_on=row.due_on,
            total=row.total,
            on=row.day,
            applied=row.applied,
            applied_home=in_home_currency(row.applied, row.exchange_rate),
            money=in_home_currency(row.money, row.exchange_rate),
        )
        for row in rows
    ]


async def list_charged(
    session: AsyncSession, business_id: UUID, document: Any, *, credit: Any, since: date, until: date
) -> list[Charged]:
    """The documents' totals, and the credits' as negative."""

    def totals(mirror: Any, sign: int) -> Any:
        dated = mirror.issued_on.between(since, until)
        total = (mirror.total * literal(sign)).label("amount")
        return select(mirror.issued_on.label("day"), total, mirror.exchange_rate).where(
            *live(mirror, business_id), dated, mirror.total != 0
        )

    rows = await session.execute(union_all(totals(document, 1), totals(credit, -1)))
    return [Charged(row.day, in_home_currency(row.amount, row.exchange_rate)) for row in rows]
