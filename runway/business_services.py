"""The domains' services of one business."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domains.ap.approval_service import ApprovalService
from domains.ap.bill_service import BillService
from domains.ap.executing_service import ExecutingService
from domains.ap.past_payables import PastPayables
from domains.ap.paying_service import PayingService
from domains.ap.payment_service import PaymentService
from domains.ap.vendor_service import VendorService
from domains.ap.voiding_service import VoidingService
from domains.ar.collections_service import CollectionsService
from domains.ar.customer_service import CustomerService
from domains.ar.invoice_service import InvoiceService
from domains.ar.past_receivables import PastReceivables
from domains.ar.receipt_service import ReceiptService
from domains.ar.reminder_service import ReminderService
from domains.cash.cash_service import CashService
from domains.cash.lookalike_queries import list_spent
from domains.cash.past_cash import PastCash
from domains.core.company_service import CompanyService
from domains.core.models import Business
from infra.actions.engine import ActionEngine
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.qbo.sync_service import QBOSyncService
from runway.orchestrators.backtest import Backtest
from runway.orchestrators.collecting import Collecting
from runway.orchestrators.digest import DigestDataOrchestrator
from runway.orchestrators.forecast_accuracy import ForecastAccuracy
from runway.orchestrators.forecast_books import ForecastReader
from runway.orchestrators.forecast_shelf import ForecastShelf
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.past_books import PastBooks, PastServices
from runway.orchestrators.paying_batches import PayingBatches
from runway.orchestrators.paying_bills import PayingBills
from runway.orchestrators.reminder_desk import ReminderDesk
from runway.orchestrators.reminding import Reminding
from runway.orchestrators.tray import TrayService
from runway.orchestrators.what_changed import WhatChanged


@dataclass(frozen=True)
class BusinessServices:
    """The domains' services of one business."""

    business: Business
    sync: QBOSyncService
    actions: ActionEngine
    uow: UnitOfWorkFactory
    clock: Clock
    shelf: ForecastShelf

    @property
    def outlook(self) -> Outlook:
        reader = ForecastReader(
            cash=self.cash,
            payments=self.payments,
            receipts=self.receipts,
            bills=self.bills,
            invoices=self.invoices,
            home_currency=self.business.home_currency,
            zone=ZoneInfo(self.business.time_zone),
        )
        return Outlook(
            self.business, company=self.company, reader=reader, uow=self.uow, clock=self.clock, shelf=self.shelf
        )

    @property
    def what_changed(self) -> WhatChanged:
        return WhatChanged(self.business, self.uow, self.shelf)

    @property
    def digest(self) -> DigestDataOrchestrator:
        return DigestDataOrchestrator(
            self.business,
            outlook=self.outlook,
            what_changed=self.what_changed,
            tray=TrayService(uow=self.uow, clock=self.clock),
            bills=self.bills,
            invoices=self.invoices,
        )

    @property
    def forecast_accuracy(self) -> ForecastAccuracy:
        return ForecastAccuracy(
            self.business,
            uow=self.uow,
            cash=self.cash,
            payments=self.payments,
            receipts=self.receipts,
            today=self.sync.today(),
            clock=self.clock,
        )

    @property
    def backtest(self) -> Backtest:
        """Reads all the books once: bound anew for each replay."""
        past = PastServices(
            receivables=PastReceivables(self.business.id, self.sync),
            payables=PastPayables(self.business.id, self.sync),
            cash=self.cash,
            past_cash=PastCash(self.business.id, self.sync),
            payments=self.payments,
            receipts=self.receipts,
        )
        zone = ZoneInfo(self.business.time_zone)
        books = PastBooks(past, home_currency=self.business.home_currency, time_zone=zone)
        return Backtest(self.forecast_accuracy, past=books)

    @property
    def bills(self) -> BillService:
        return BillService(self.business.id, self.sync)

    @property
    def approvals(self) -> ApprovalService:
        return ApprovalService(self.business.id, home_currency=self.business.home_currency, spent=list_spent)

    @property
    def paying_bills(self) -> PayingBills:
        business_id, home = self.business.id, self.business.home_currency
        return PayingBills(
            self.business,
            uow=self.uow,
            paying=PayingService(business_id, home_currency=home, engine=self.actions),
            executing=ExecutingService(business_id, home_currency=home),
            voiding=VoidingService(business_id, home_currency=home, engine=self.actions),
            today=self.sync.today(),
        )

    @property
    def paying_batches(self) -> PayingBatches:
        return PayingBatches(self.paying_bills)

    @property
    def collections(self) -> CollectionsService:
        return CollectionsService(
            self.business.id,
            name=self.business.name,
            home_currency=self.business.home_currency,
            engine=self.actions,
        )

    @property
    def collecting(self) -> Collecting:
        return Collecting(self.business, uow=self.uow, collections=self.collections, today=self.sync.today())

    @property
    def reminding(self) -> Reminding:
        zone = ZoneInfo(self.business.time_zone)
        business_id, name, home = self.business.id, self.business.name, self.business.home_currency
        reminders = ReminderService(business_id, name=name, home_currency=home, zone=zone, engine=self.actions)
        return Reminding(self.business, self.uow, self.sync, reminders, now=self.actions.shop.clock.now())

    @property
    def reminder_desk(self) -> ReminderDesk:
        return ReminderDesk(self.reminding)

    @property
    def payments(self) -> PaymentService:
        return PaymentService(self.business.id, self.sync)

    @property
    def vendors(self) -> VendorService:
        return VendorService(self.business.id, self.sync)

    @property
    def invoices(self) -> InvoiceService:
        return InvoiceService(self.business.id, self.sync)

    @property
    def receipts(self) -> ReceiptService:
        return ReceiptService(self.business.id, self.sync)

    @property
    def customers(self) -> CustomerService:
        return CustomerService(self.business.id, self.sync)

    @property
    def cash(self) -> CashService:
        return CashService(self.business.id, self.sync)

    @property
    def company(self) -> CompanyService:
        return CompanyService(self.business.id, self.sync)
