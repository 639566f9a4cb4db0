from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import queries, settled_queries
from domains.ap.errors import BillNotFound
from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO, VENDORS_FROM_QBO
from domains.ap.models import Bill, BillPayment, BillTransactionLog
from domains.ap.queries import EnteredBill, ListedBill
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
from domains.core.settlements import Charged
from infra.db.tenancy import TenantAwareService
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.wire.reports import AgingKind, AgingReport
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.transaction_log import AsOf


class BillService(TenantAwareService):
    """What we owe: lists, one bill, its past, its sums."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo
        self._bills = LedgerObjects(business_id, qbo, spec=BILLS_FROM_QBO, absent=BillNotFound)

    async def get_bills_due_in_days(
        self, days: int = 30, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Bill]]:
        """Open bills due within `days` of the company's today, overdue ones included, soonest first."""
        return await self._qbo.get_bills_by_due_days(days, freshness=freshness)

    async def get_bills_for_digest(
        self, external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Bill]]:
        """The few bills that a digest names, by the rail's ids; those that are gone are left out."""
        return await self._qbo.get_bills_for_digest(external_ids, freshness=freshness)

    async def list_bills(
        self, wanted: DocumentFilter, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[Page[ListedBill]]:
        """One page, soonest due first, bills without a due date last.

        Raises:
            UnreadableCursor: `wanted.after` is none of our cursors.
        """
        read = queries.PAGES_OF_BILLS.read(self.business_id, wanted)
        fetched = await self._qbo.select([BILLS_FROM_QBO, VENDORS_FROM_QBO], read, freshness=freshness)
        return Fetched(page_by_due(fetched.value, wanted.page_size), fetched.freshness)

    async def list_bills_as_json(
        self, wanted: DocumentFilter, *, home_currency: str, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[Page[msgspec.Raw]]:
        """As `list_bills`, each row a JSON object as programs are answered: the database writes it.

        Raises:
            UnreadableCursor: `wanted.after` is none of our cursors.
        """
        read = queries.PAGES_OF_BILLS.read_json(self.business_id, wanted, home_currency=home_currency)
        fetched = await self._qbo.select([BILLS_FROM_QBO, VENDORS_FROM_QBO], read, freshness=freshness)
        return Fetched(json_page_by_due(fetched.value[0], wanted.page_size), fetched.freshness)

    async def get_listed_bill(self, bill_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[ListedBill]:
        """One bill by our id, as a list shows it.

        Raises:
            BillNotFound: no such bill, or it is deleted.
        """
        read = queries.PAGES_OF_BILLS.read_one(self.business_id, bill_id)
        fetched = await self._qbo.select([BILLS_FROM_QBO], read, freshness=freshness)
        if not fetched.value:
            raise BillNotFound(bill_id)
        return Fetched(fetched.value[0], fetched.freshness)

    async def get_bill(self, bill_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Bill]:
        """One bill by our id, with its payload.

        Raises:
            BillNotFound: no such bill, or it is deleted.
        """
        return await self._bills.get(bill_id, freshness=freshness)

    async def get_bill_as_of(
        self, bill_id: UUID, instant: datetime, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AsOf[Bill]]:
        """The bill as we knew it at `instant`, deleted or not.

        Raises:
            BillNotFound: no such bill, or we had not seen it by then.
        """
        return await self._bills.get_as_of(bill_id, instant, freshness=freshness)

    async def get_history(
        self, bill_id: UUID, *, after_version: int = 0, limit: int = 100, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[BillTransactionLog]]:
        """The bill's log rows in order of version, a deleted bill's too.

        Raises:
            BillNotFound: no such bill.
        """
        return await self._bills.get_history(bill_id, after_version=after_version, limit=limit, freshness=freshness)

    async def get_open_totals(
        self, *, today: date, due_within_days: int = 30, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[OpenTotals]]:
        """Sums of what is open, overdue and due within the days, one row a currency."""

        async def sums(session: AsyncSession) -> list[OpenTotals]:
            return await queries.sum_open_bills(session, self.business_id, today=today, due_within_days=due_within_days)

        return await self._qbo.fetch([BILLS_FROM_QBO], sums, freshness=freshness)

    async def list_open_bills_for_ageing(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[OpenDocument]]:
        """Every open bill of the ledger."""

        async def rows(session: AsyncSession) -> list[OpenDocument]:
            return await queries.list_open_bills(session, self.business_id)

        return await self._qbo.fetch([BILLS_FROM_QBO], rows, freshness=freshness)

    async def list_unapplied_credits(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[UnappliedCredit]]:
        """Vendor credits not applied yet and what was paid beyond bills, one row a vendor and currency."""

        async def rows(session: AsyncSession) -> list[UnappliedCredit]:
            return await queries.list_unapplied_credits(session, self.business_id)

        return await self._qbo.fetch([VENDOR_CREDITS_FROM_QBO, BILL_PAYMENTS_FROM_QBO], rows, freshness=freshness)

    async def get_aging_report(
        self, as_of: date | None = None, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AgingReport]:
        """What we owe by age on `as_of` (today) as QBO's own report has it; kept for four hours unless the books change.

        Raises:
            StaleRefused: QBO was never asked before and does not answer now.
        """
        return await self._qbo.get_aging_report(AgingKind.PAYABLES, as_of, freshness=freshness)

    async def list_charged(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Charged]]:
        """What vendors charged on those days: bills, and their credits as negative."""

        async def rows(session: AsyncSession) -> list[Charged]:
            return await settled_queries.list_charged(session, self.business_id, since=since, until=until)

        return await self._qbo.fetch([BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO], rows, freshness=freshness)

    async def list_entered(
        self, since: datetime, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[EnteredBill]]:
        """Bills that were entered from then on, whatever their date; in no order."""

        async def rows(session: AsyncSession) -> list[EnteredBill]:
            return await queries.list_entered(session, self.business_id, since=since)

        return await self._qbo.fetch([BILLS_FROM_QBO], rows, freshness=freshness)

    async def list_rates(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[HomeRate]]:
        """What bills and their payments of those days, both inside, tell of other currencies."""

        async def rows(session: AsyncSession) -> list[HomeRate]:
            dated = [(Bill, Bill.issued_on), (BillPayment, BillPayment.paid_on)]
            return await list_newest(session, self.business_id, dated, since=since, until=until)

        return await self._qbo.fetch([BILLS_FROM_QBO, BILL_PAYMENTS_FROM_QBO], rows, freshness=freshness)
