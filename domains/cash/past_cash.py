from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.cash.mirrors import ACCOUNTS_FROM_QBO
from domains.core.ledger import LEDGER
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import AS_IT_STANDS

_SINCE = text("SELECT min(recorded_at) FROM account_transaction_log WHERE business_id = :business_id")
_BALANCES = text("""
SELECT m.external_id, (queryable(l.snapshot) ->> 'CurrentBalance')::numeric AS balance
FROM (
  SELECT DISTINCT ON (entity_id) entity_id, snapshot FROM account_transaction_log
  WHERE business_id = :business_id AND recorded_at <= :known_at ORDER BY entity_id, version DESC
) AS l
JOIN account AS m ON m.business_id = :business_id AND m.id = l.entity_id AND m.rail = :rail
""")


class PastCash(TenantAwareService):
    """What the accounts' own log tells of the past."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def known_since(self) -> datetime | None:
        """When the books were first read; None before that."""

        async def first(session: AsyncSession) -> datetime | None:
            found: datetime | None = await session.scalar(_SINCE, {"business_id": self.business_id})
            return found

        return (await self._qbo.fetch([ACCOUNTS_FROM_QBO], first, freshness=AS_IT_STANDS)).value

    async def balances_at(self, known_at: datetime) -> dict[str, Decimal]:
        """Each account's balance, in its own currency, as the log had it at that instant."""

        async def balances(session: AsyncSession) -> dict[str, Decimal]:
            asked = {"business_id": self.business_id, "rail": LEDGER.value, "known_at": known_at}
            rows = await session.execute(_BALANCES, asked)
            return {row.external_id: row.balance for row in rows if row.balance is not None}

        return (await self._qbo.fetch([ACCOUNTS_FROM_QBO], balances, freshness=AS_IT_STANDS)).value
