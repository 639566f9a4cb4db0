from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import queries, settled_queries
from domains.ar.errors import InvoiceNotFound
from domains.ar.mirrors import CREDIT_MEMOS_FROM_QBO, CUSTOMERS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO
from domains.ar.models import Invoice, InvoiceTransactionLog, Receipt
from domains.ar.queries import ListedInvoice
from domains.core.documents import (
    DocumentFilter,
    OpenDocument,
    OpenTotals,
    UnappliedCredit,
    json_page_by_due,
    page_by_due,
)
from domains.core.ledger_objects import LedgerObjects
from domains.core.paging import Page
from domains.core.rates import HomeRate, list_newest
from domains.core.settlements import Charged, Settlement
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.wire.reports import AgingKind, AgingReport
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.transaction_log import AsOf


class InvoiceService(TenantAwareService):
    """What we are owed: lists, one invoice, its past, its sums."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo
        self._invoices = LedgerObjects(business_id, qbo, spec=INVOICES_FROM_QBO, absent=InvoiceNotFound)

    async def get_open_invoices(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[Invoice]]:
        """Every open invoice, soonest due first."""
        return await self._qbo.get_invoices(freshness=freshness)

    async def get_invoices_for_digest(
        self, external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Invoice]]:
        """The few invoices that a digest names, by the rail's ids; those that are gone are left out."""
        return await self._qbo.get_invoices_for_digest(external_ids, freshness=freshness)

    async def list_invoices(
        self, wanted: DocumentFilter, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[Page[ListedInvoice]]:
        """One page, soonest due first, invoices without a due date last.

        Raises:
            UnreadableCursor: `wanted.after` is none of our cursors.
        """
        read = queries.PAGES_OF_INVOICES.read(self.business_id, wanted)
        fetched = await self._qbo.select([INVOICES_FROM_QBO, CUSTOMERS_FROM_QBO], read, freshness=freshness)
        return Fetched(page_by_due(fetched.value, wanted.page_size), fetched.freshness)

    async def list_invoices_as_json(
        self, wanted: DocumentFilter, *, home_currency: str, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[Page[msgspec.Raw]]:
        """As `list_invoices`, each row a JSON object as programs are answered: the database writes it.

        Raises:
            UnreadableCursor: `wanted.after` is none of our cursors.
        """
        read = queries.PAGES_OF_INVOICES.read_json(self.business_id, wanted, home_currency=home_currency)
        fetched = await self._qbo.select([INVOICES_FROM_QBO, CUSTOMERS_FROM_QBO], read, freshness=freshness)
        return Fetched(json_page_by_due(fetched.value[0], wanted.page_size), fetched.freshness)

    async def get_listed_invoice(
        self, invoice_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[ListedInvoice]:
        """One invoice by our id, as a list shows it.

        Raises:
            InvoiceNotFound: no such invoice, or it is deleted.
        """
        read = queries.PAGES_OF_INVOICES.read_one(self.business_id, invoice_id)
        fetched = await self._qbo.select([INVOICES_FROM_QBO], read, freshness=freshness)
        if not fetched.value:
            raise InvoiceNotFound(invoice_id)
        return Fetched(fetched.value[0], fetched.freshness)

    async def get_invoice(self, invoice_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Invoice]:
        """One invoice by our id, with its payload.

        Raises:
            InvoiceNotFound: no such invoice, or it is deleted.
        """
        return await self._invoices.get(invoice_id, freshness=freshness)

    async def get_invoice_as_of(
        self, invoice_id: UUID, instant: datetime, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AsOf[Invoice]]:
        """The invoice as we knew it at `instant`, deleted or not.

        Raises:
            InvoiceNotFound: no such invoice, or we had not seen it by then.
        """
        return await self._invoices.get_as_of(invoice_id, instant, freshness=freshness)

    async def get_history(
        self, invoice_id: UUID, *, after_version: int = 0, limit: int = 100, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[InvoiceTransactionLog]]:
        """The invoice's log rows in order of version, a deleted invoice's too.

        Raises:
            InvoiceNotFound: no such invoice.
        """
        return await self._invoices.get_history(
            invoice_id, after_version=after_version, limit=limit, freshness=freshness
        )

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

    async def get_aging_report(
        self, as_of: date | None = None, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AgingReport]:
        """What we are owed by age on `as_of` (today) as QBO's own report has it; kept for four hours unless the books change.

        Raises:
            StaleRefused: QBO was never asked before and does not answer now.
        """
        return await self._qbo.get_aging_report(AgingKind.RECEIVABLES, as_of, freshness=freshness)

    async def list_settlements(
        self, since: date, until: date, *, party: str | None = None, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Settlement]]:
        """What payments and credits dated from `since` to `until`, both inside, settled of which invoice.

        `party` is the rail's id of one customer; None: of all.
        """

        async def rows(session: AsyncSession) -> list[Settlement]:
            return await settled_queries.list_settlements(
                session, self.business_id, since=since, until=until, party=party
            )

        return await self._qbo.fetch([INVOICES_FROM_QBO, RECEIPTS_FROM_QBO], rows, freshness=freshness)

    async def list_charged(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Charged]]:
        """Sales on credit of those days: invoices, and credit memos as negative."""

        async def rows(session: AsyncSession) -> list[Charged]:
            return await settled_queries.list_charged(session, self.business_id, since=since, until=until)

        return await self._qbo.fetch([INVOICES_FROM_QBO, CREDIT_MEMOS_FROM_QBO], rows, freshness=freshness)

    async def list_rates(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[HomeRate]]:
        """What invoices and payments of those days, both inside, tell of other currencies."""

        async def rows(session: AsyncSession) -> list[HomeRate]:
            dated = [(Invoice, Invoice.issued_on), (Receipt, Receipt.received_on)]
            return await list_newest(session, self.business_id, dated, since=since, until=until)

        return await self._qbo.fetch([INVOICES_FROM_QBO, RECEIPTS_FROM_QBO], rows, freshness=freshness)
