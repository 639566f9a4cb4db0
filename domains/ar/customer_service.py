from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import queries
from domains.ar.errors import CustomerNotFound
from domains.ar.mirrors import CUSTOMERS_FROM_QBO
from domains.ar.models import Customer
from domains.core.paging import MAX_PAGE, Page
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.wire.reports import PayingParty, PaymentHistory
from infra.sync.freshness import AS_IT_STANDS, ON_DEMAND, Fetched, FreshnessNeed


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

    async def get_payment_history(
        self, customer_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[PaymentHistory]:
        """All that a customer paid, as QBO has it, the newest first; kept for four hours unless the books change.

        Raises:
            CustomerNotFound: none of that id.
            StaleRefused: QBO was never asked before and does not answer now.
        """
        found = await self._qbo.read(
            CUSTOMERS_FROM_QBO, Customer.id == customer_id, include_deleted=True, freshness=AS_IT_STANDS
        )
        if not found.value:
            raise CustomerNotFound(customer_id)
        return await self._qbo.get_payment_history(
            PayingParty.CUSTOMER, found.value[0].external_id, freshness=freshness
        )
