from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import queries
from domains.ar.mirrors import CUSTOMERS_FROM_QBO
from domains.ar.models import Customer
from domains.core.paging import MAX_PAGE, Page
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed


class CustomerService(TenantAwareService):
    """Who owes us."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def list_customers(
        self,
        *,
        search: str | None = None,
        is_active: bool | None = None,
        after: str | None = None,
        limit: int = 50,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[Page[Customer]]:
        """One page by name. `search` finds any part of it, ignoring case.

        Raises:
            UnreadableCursor: `after` is none of our cursors.
        """

        async def page(session: AsyncSession) -> Page[Customer]:
            return await queries.page_of_customers(
                session,
                self.business_id,
                search=search,
                is_active=is_active,
                after=after,
                limit=max(1, min(limit, MAX_PAGE)),
            )

        return await self._qbo.fetch([CUSTOMERS_FROM_QBO], page, freshness=freshness)
