from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import queries, settled_queries
from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO
from domains.ap.models import BillPayment
from domains.core.movements import CashMovement
from domains.core.paging import MAX_PAGE, Page
from domains.core.settlements import Settlement
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed


class PaymentService(TenantAwareService):
    """What we paid on bills, as the ledger recorded it."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def list_payments(
        self, since: date, until: date, *, limit: int = MAX_PAGE, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[BillPayment]]:
        """Payments dated from `since` to `until`, both inside, newest first."""

        async def payments(session: AsyncSession) -> list[BillPayment]:
            return await queries.list_bill_payments(session, self.business_id, since=since, until=until, limit=limit)

        return await self._qbo.fetch([BILL_PAYMENTS_FROM_QBO], payments, freshness=freshness)

    async def list_payments_page(
        self,
        since: date,
        until: date,
        *,
        after: str | None = None,
        limit: int = 50,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[Page[BillPayment]]:
        """One page of the payments dated from `since` to `until`, both inside, newest first.

        Raises:
            UnreadableCursor: `after` is none of our cursors.
        """

        async def page(session: AsyncSession) -> Page[BillPayment]:
            return await queries.page_of_bill_payments(
                session,
                self.business_id,
                since=since,
                until=until,
                after=after,
                limit=max(1, min(limit, MAX_PAGE)),
            )

        return await self._qbo.fetch([BILL_PAYMENTS_FROM_QBO], page, freshness=freshness)

    async def list_movements(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[CashMovement]]:
        """What these payments took from bank accounts."""

        async def movements(session: AsyncSession) -> list[CashMovement]:
            return await queries.list_movements(session, self.business_id, since=since, until=until)

        return await self._qbo.fetch([BILL_PAYMENTS_FROM_QBO], movements, freshness=freshness)

    async def list_settlements(
        self, since: date, until: date, *, party: str | None = None, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Settlement]]:
        """What payments and credits dated from `since` to `until`, both inside, settled of which bill.

        `party` is the rail's id of one vendor; None: of all.
        """

        async def rows(session: AsyncSession) -> list[Settlement]:
            return await settled_queries.list_settlements(
                session, self.business_id, since=since, until=until, party=party
            )

        return await self._qbo.fetch([BILLS_FROM_QBO, BILL_PAYMENTS_FROM_QBO], rows, freshness=freshness)
