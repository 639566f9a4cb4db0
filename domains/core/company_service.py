from datetime import date
from typing import Any
from uuid import UUID

from domains.core.models import CompanyInfo
from infra.db.reads import Read
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.wire.reports import KPIData
from infra.sync.books_mark import MarkedBooks
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed


class CompanyService(TenantAwareService):
    """The company as its ledger describes it."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def find_company(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[CompanyInfo | None]:
        """None before the first sync."""
        return await self._qbo.get_company_info(freshness=freshness)

    async def get_kpi_data(
        self, as_of: date | None = None, *, days: int = 30, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[KPIData]:
        """QBO's own key figures: earned in the `days` up to and with `as_of` (today), and what stands then.

        Raises:
            StaleRefused: QBO was never asked before and does not answer now.
        """
        return await self._qbo.get_kpi_data(as_of, days=days, freshness=freshness)

    async def get_books_mark(self, *beside: Read[Any], freshness: FreshnessNeed = ON_DEMAND) -> Fetched[MarkedBooks]:
        """A text that is another once anything of the books may have changed, and how fresh they are; nothing of them is read.

        What is read `beside` it comes in the same round trip.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        return await self._qbo.get_books_mark(*beside, freshness=freshness)
