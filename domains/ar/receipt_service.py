from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import queries
from domains.ar.mirrors import RECEIPTS_FROM_QBO, SALES_RECEIPTS_FROM_QBO
from domains.ar.models import Receipt
from domains.core.movements import CashMovement
from domains.core.paging import MAX_PAGE
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed


class ReceiptService(TenantAwareService):
    """What customers paid us, on invoices and on the spot."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def list_receipts(
        self, since: date, until: date, *, limit: int = MAX_PAGE, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Receipt]]:
        """Customers' payments dated from `since` to `until`, both inside, newest first."""

        async def receipts(session: AsyncSession) -> list[Receipt]:
            return await queries.list_receipts(session, self.business_id, since=since, until=until, limit=limit)

        return await self._qbo.fetch([RECEIPTS_FROM_QBO], receipts, freshness=freshness)

    async def list_movements(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[CashMovement]]:
        """What receipts and sales receipts brought into accounts; what waits in Undeposited Funds is moved on by a deposit."""

        async def movements(session: AsyncSession) -> list[CashMovement]:
            return await queries.list_movements(session, self.business_id, since=since, until=until)

        return await self._qbo.fetch([RECEIPTS_FROM_QBO, SALES_RECEIPTS_FROM_QBO], movements, freshness=freshness)
