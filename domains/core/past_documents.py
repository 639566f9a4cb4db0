"""Documents and what was applied to them, by bookkeeping date: of these, what was open on any past day follows (FORMULAS, ageing).

Read from the rail's own JSON, so that one statement serves the mirror of today and the log as it stood at an instant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ledger import LEDGER, in_home_currency
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import AS_IT_STANDS
from infra.sync.spec import AnySpec

_NOW: Final = """
SELECT external_id, queryable(payload) AS body FROM {table}
WHERE business_id = :business_id AND rail = :rail AND deleted_at IS NULL
"""
_THEN: Final = """
SELECT m.external_id, queryable(l.snapshot) AS body
FROM (
  SELECT DISTINCT ON (entity_id) entity_id, transaction_type, snapshot FROM {table}_transaction_log
  WHERE business_id = :business_id AND recorded_at <= :known_at ORDER BY entity_id, version DESC
) AS l
JOIN {table} AS m ON m.business_id = :business_id AND m.id = l.entity_id AND m.rail = :rail
WHERE l.transaction_type <> 'deleted'
"""
_DOCUMENTS: Final = """
SELECT external_id, body #>> '{{{party},value}}' AS party, body #>> '{{{party},name}}' AS name, (body ->> 'TxnDate')::date AS day,
  (body ->> 'DueDate')::date AS due_on, (body ->> 'TotalAmt')::numeric AS total, (body ->> 'ExchangeRate')::numeric AS rate,
  body #> '{{CreditCardPayment,CCAccountRef}}' IS NOT NULL AS is_by_card
FROM ({held}) AS held
"""
_APPLIED: Final = """
SELECT external_id, line #>> '{{LinkedTxn,0,TxnType}}' AS kind, line #>> '{{LinkedTxn,0,TxnId}}' AS target,
  (line ->> 'Amount')::numeric AS amount
FROM ({held}) AS held CROSS JOIN LATERAL jsonb_path_query(body, '$.Line[*] ? (exists (@.LinkedTxn[0]))') AS line
"""


@dataclass(frozen=True)
class PastTables:
    """One side's three kinds of documents, in the rail's words, with the mirrors that hold them."""

    document: tuple[str, str]
    credit: tuple[str, str]
    payment: tuple[str, str]
    party: str


@dataclass(frozen=True)
class DatedDocument:
    """`total` positive, in the document's currency; `exchange_rate` home currency for one unit, None where it is in home currency.

    `is_cash`: a payment that moved a bank account.
    """

    external_id: str
    party_external_id: str
    party_name: str | None
    dated_on: date
    due_on: date | None
    total: Decimal
    exchange_rate: Decimal | None = None
    is_cash: bool = True

    def in_home_currency(self, amount: Decimal) -> Decimal:
        return in_home_currency(amount, self.exchange_rate)


@dataclass(frozen=True)
class AppliedLine:
    """What a payment gives to a document, or takes from a credit, in their currency; `kind` is the target's, in the rail's words."""

    payment_id: str
    kind: str
    target_id: str
    amount: Decimal


@dataclass(frozen=True)
class PastSide:
    """Payables or receivables, all there are. Each mapping is by external id; ids are unique within a kind only."""

    document_kind: str
    credit_kind: str
    documents: Mapping[str, DatedDocument]
    credits: Mapping[str, DatedDocument]
    payments: Mapping[str, DatedDocument]
    applied: tuple[AppliedLine, ...]


class PastDocuments(TenantAwareService):
    """Every document of one side, credits and payments of them, by date."""

    tables: ClassVar[PastTables]
    specs: ClassVar[Sequence[AnySpec]]

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def read(self, known_at: datetime | None = None) -> PastSide:
        """As the mirror stands, or as the log had it at `known_at`; nothing is refreshed."""

        async def side(session: AsyncSession) -> PastSide:
            return await read_past_side(session, self.business_id, self.tables, known_at=known_at)

        return (await self._qbo.fetch(self.specs, side, freshness=AS_IT_STANDS)).value


async def read_past_side(
    session: AsyncSession, business_id: UUID, tables: PastTables, *, known_at: datetime | None = None
) -> PastSide:
    """Four statements. `known_at`: as the log had it at that instant; None takes the mirror as it is now."""
    parameters = {"business_id": business_id, "rail": LEDGER.value} | ({"known_at": known_at} if known_at else {})
    held: list[dict[str, DatedDocument]] = []
    for _, table in (tables.document, tables.credit, tables.payment):
        rows = (await session.execute(_statement(_DOCUMENTS, table, tables.party, known_at), parameters)).all()
        held.append({row.external_id: _document(row) for row in rows})
    documents, credits_, payments = held
    lines = await session.execute(_statement(_APPLIED, tables.payment[1], tables.party, known_at), parameters)
    applied = [AppliedLine(row.external_id, row.kind, row.target, row.amount) for row in lines if row.amount]
    applied.sort(key=lambda line: (line.payment_id, line.kind, line.target_id, line.amount))
    return PastSide(tables.document[0], tables.credit[0], documents, credits_, payments, tuple(applied))


def _statement(shape: str, table: str, party: str, known_at: datetime | None) -> Any:
    """Names come from this module's callers, never from a request."""
    return text(shape.format(held=(_NOW if known_at is None else _THEN).format(table=table), party=party))


def _document(row: Any) -> DatedDocument:
    return DatedDocument(
        external_id=row.external_id,
        party_external_id=row.party,
        party_name=row.name,
        dated_on=row.day,
        due_on=row.due_on,
        total=row.total,
        exchange_rate=row.rate,
        is_cash=not row.is_by_card,
    )
