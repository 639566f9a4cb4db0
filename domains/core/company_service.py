from uuid import UUID

from domains.core.models import CompanyInfo
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed


class CompanyService(TenantAwareService):
    """The company as its ledger describes it."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def find_company(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[CompanyInfo | None]:
        """None before the first sync."""
        return await self._qbo.get_company_info(freshness=freshness)
