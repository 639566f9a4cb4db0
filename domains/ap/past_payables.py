from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO
from domains.core.past_documents import PastSide, PastTables, read_past_side
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import AS_IT_STANDS

_TABLES = PastTables(
    document=("Bill", "bill"),
    credit=("VendorCredit", "vendor_credit"),
    payment=("BillPayment", "bill_payment"),
    party="VendorRef",
)
_SPECS = (BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO)


class PastPayables(TenantAwareService):
    """Every bill, vendor credit and payment of them, by its date."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def read(self, known_at: datetime | None = None) -> PastSide:
        """As the mirror stands, or as the log had it at `known_at`; nothing is refreshed."""

        async def side(session: AsyncSession) -> PastSide:
            return await read_past_side(session, self.business_id, _TABLES, known_at=known_at)

        return (await self._qbo.fetch(_SPECS, side, freshness=AS_IT_STANDS)).value
