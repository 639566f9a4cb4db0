from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import queries
from domains.ar.errors import InvoiceNotFound
from domains.ar.mirrors import CREDIT_MEMOS_FROM_QBO, CUSTOMERS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO
from domains.ar.models import Invoice, InvoiceTransactionLog
from domains.core.documents import DocumentFilter, OpenDocument, OpenTotals, UnappliedCredit
from domains.core.paging import MAX_PAGE, Page
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.transaction_log import AsOf, TransactionLogService


class InvoiceService(TenantAwareService):
    """What we are owed: lists, one invoice, its past, its sums."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def get_open_invoices(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[Invoice]]:
        """Every open invoice, soonest due first."""
        return await self._qbo.get_invoices(freshness=freshness)

    async def list_invoices(
        self, wanted: DocumentFilter, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[Page[Invoice]]:
        """One page, soonest due first, invoices without a due date last.

        Raises:
            UnreadableCursor: `wanted.after` is none of our cursors.
        """

        async def page(session: AsyncSession) -> Page[Invoice]:
            return await queries.page_of_invoices(session, self.business_id, wanted=wanted)

        return await self._qbo.fetch([INVOICES_FROM_QBO, CUSTOMERS_FROM_QBO], page, freshness=freshness)

    async def get_invoice(self, invoice_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Invoice]:
        """Read one invoice by our id.

        Raises:
            InvoiceNotFound: no such invoice, or it is deleted.
        """

        async def one(session: AsyncSession) -> Invoice:
            invoice = await queries.find_invoice(session, self.business_id, invoice_id=invoice_id)
            if invoice is None:
                raise InvoiceNotFound(invoice_id)
            return invoice

        return await self._qbo.fetch([INVOICES_FROM_QBO], one, freshness=freshness)

    async def get_invoice_as_of(
        self, invoice_id: UUID, instant: datetime, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AsOf[Invoice]]:
        """The invoice as we knew it at `instant`, deleted or not.

        Raises:
            InvoiceNotFound: no such invoice, or we had not seen it by then.
        """

        async def state(session: AsyncSession) -> AsOf[Invoice]:
            log = TransactionLogService(session)
            found = await log.as_of(INVOICES_FROM_QBO, self.business_id, entity_id=invoice_id, instant=instant)
            if found is None:
                raise InvoiceNotFound(invoice_id)
            return found

        return await self._qbo.fetch([INVOICES_FROM_QBO], state, freshness=freshness)

    async def get_history(
        self, invoice_id: UUID, *, after_version: int = 0, limit: int = 100, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[InvoiceTransactionLog]]:
        """The invoice's log rows in order of version, a deleted invoice's too.

        Raises:
            InvoiceNotFound: no such invoice.
        """

        async def rows(session: AsyncSession) -> list[InvoiceTransactionLog]:
            log = TransactionLogService(session)
            found = await log.history(
                INVOICES_FROM_QBO,
                self.business_id,
                entity_id=invoice_id,
                after_version=after_version,
                limit=min(limit, MAX_PAGE),
            )
            if not found and after_version == 0:
                raise InvoiceNotFound(invoice_id)
            return list(found)

        return await self._qbo.fetch([INVOICES_FROM_QBO], rows, freshness=freshness)

    async def get_open_totals(
        self, *, today: date, due_within_days: int = 30, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[OpenTotals]]:
        """Sums of what is open, overdue and due within the days, one row a currency."""

        async def sums(session: AsyncSession) -> list[OpenTotals]:
            return await queries.sum_open_invoices(
                session, self.business_id, today=today, due_within_days=due_within_days
            )

        return await self._qbo.fetch([INVOICES_FROM_QBO], sums, freshness=freshness)

    async def list_open_invoices_for_ageing(
        self, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[OpenDocument]]:
        """Every open invoice of the ledger."""

        async def rows(session: AsyncSession) -> list[OpenDocument]:
            return await queries.list_open_invoices(session, self.business_id)

        return await self._qbo.fetch([INVOICES_FROM_QBO], rows, freshness=freshness)

    async def list_unapplied_credits(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[UnappliedCredit]]:
        """Credit memos and receipts not applied yet, one row a customer and currency."""

        async def rows(session: AsyncSession) -> list[UnappliedCredit]:
            return await queries.list_unapplied_credits(session, self.business_id)

        return await self._qbo.fetch([CREDIT_MEMOS_FROM_QBO, RECEIPTS_FROM_QBO], rows, freshness=freshness)
