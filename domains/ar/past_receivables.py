from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.mirrors import CREDIT_MEMOS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO
from domains.core.past_documents import PastSide, PastTables, read_past_side
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import AS_IT_STANDS

_TABLES = PastTables(
    document=("Invoice", "invoice"),
    credit=("CreditMemo", "credit_memo"),
    payment=("Payment", "receipt"),
    party="CustomerRef",
)
_SPECS = (CREDIT_MEMOS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO)


class PastReceivables(TenantAwareService):
    """Every invoice, credit memo and payment of them, by its date."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def read(self, known_at: datetime | None = None) -> PastSide:
        """As the mirror stands, or as the log had it at `known_at`; nothing is refreshed."""

        async def side(session: AsyncSession) -> PastSide:
            return await read_past_side(session, self.business_id, _TABLES, known_at=known_at)

        return (await self._qbo.fetch(_SPECS, side, freshness=AS_IT_STANDS)).value
