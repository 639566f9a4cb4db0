"""One vendor or customer, whole: how they pay or are paid, what is open, what was agreed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from domains.ap.models import Vendor
from domains.ap.payment_service import PaymentService
from domains.ap.vendor_service import VendorService
from domains.ar.customer_service import CustomerService
from domains.ar.models import Customer
from domains.core.documents import DocumentFilter
from domains.core.paging import MAX_PAGE
from domains.core.settlements import Settlement
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators.ageing import Application
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.lateness import WINDOW_DAYS, InvoiceHistory, Lateness, LatePoint, late_points
from runway.orchestrators.payables_table import PayablesPage, PayablesTable
from runway.orchestrators.receivables_table import ReceivablesPage, ReceivablesTable
from runway.orchestrators.reminder_desk import CustomerStanding, ReminderDesk

_MIDDLE, _NEARLY_ALL = 500, 900
_PAYMENTS = "payments"


@dataclass(frozen=True)
class LatePayment:
    """One payment of a document that is paid; `document_id` is the rail's."""

    document_id: str
    point: LatePoint


@dataclass(frozen=True)
class Habit:
    """How late documents were paid. `payments` are those of the last 24 months; P50 and P90 in days after the due date."""

    payments: Sequence[LatePayment]
    usual: Figure
    nearly_always: Figure


@dataclass(frozen=True)
class VendorPage:
    vendor: Vendor
    habit: Habit
    open: PayablesPage


@dataclass(frozen=True)
class CustomerPage:
    """`habit`: P50 and P90 are those that the forecast goes by, drawn towards the company's where history is short."""

    customer: Customer
    habit: Habit
    open: ReceivablesPage
    standing: CustomerStanding


@dataclass(frozen=True)
class VendorPages:
    """How we pay one of them, and what is open."""

    vendors: VendorService
    payments: PaymentService
    payables: PayablesTable

    async def get(self, vendor_id: UUID | str, *, freshness: FreshnessNeed) -> Fetched[VendorPage]:
        """One vendor.

        Raises:
            VendorNotFound: none of that id.
        """
        vendor = (await self.vendors.get(vendor_id, freshness=freshness)).value
        today = self.payables.today
        settled = await self.payments.list_settlements(
            _since(today), today, party=vendor.external_id, freshness=AS_IT_STANDS
        )
        page = await self.payables.get(_open_of(vendor.external_id, today), freshness=AS_IT_STANDS)
        points = _points(settled.value, today)
        spread = Lateness.of((one.point.days_late, one.point.weight) for one in points)
        return Fetched(
            VendorPage(vendor, _habit(points, spread, page.value.forecast.basis), page.value), page.freshness
        )


@dataclass(frozen=True)
class CustomerPages:
    """How one of them pays us, what is open, and what was agreed."""

    customers: CustomerService
    receivables: ReceivablesTable
    reminder_desk: ReminderDesk

    async def get(self, customer_id: UUID | str, *, freshness: FreshnessNeed) -> Fetched[CustomerPage]:
        """One customer.

        Raises:
            CustomerNotFound: none of that id.
        """
        customer = (await self.customers.get(customer_id, freshness=freshness)).value
        today = self.receivables.today
        settled = await self.receivables.invoices.list_settlements(
            _since(today), today, party=customer.external_id, freshness=AS_IT_STANDS
        )
        page = await self.receivables.get(_open_of(customer.external_id, today), freshness=AS_IT_STANDS)
        standing = await self.reminder_desk.get_customer(customer.id, freshness=AS_IT_STANDS)
        forecast = page.value.forecast
        habit = _habit(_points(settled.value, today), forecast.payers.of(customer.external_id).mixed, forecast.basis)
        return Fetched(CustomerPage(customer, habit, page.value, standing.value), page.freshness)


def _since(today: date) -> date:
    return today - timedelta(days=WINDOW_DAYS)


def _open_of(party: str, today: date) -> DocumentFilter:
    return DocumentFilter(today=today, party=party, limit=MAX_PAGE)


def _points(settled: Sequence[Settlement], today: date) -> list[LatePayment]:
    """The payments of each document that is paid, in order of day."""
    by_document: dict[str, list[Settlement]] = defaultdict(list)
    for one in settled:
        by_document[one.document_id].append(one)
    found = [
        LatePayment(document_id, point)
        for document_id, parts in by_document.items()
        for point in late_points(_history(parts), today)
    ]
    return sorted(found, key=lambda one: (one.point.paid_on, one.point.days_late, one.document_id))


def _history(parts: Sequence[Settlement]) -> InvoiceHistory:
    first = parts[0]
    return InvoiceHistory(
        customer_id=first.party_id,
        due_on=first.due_on or first.issued_on,
        total=first.total,
        applied=tuple(Application(part.on, part.applied) for part in parts),
    )


def _habit(points: Sequence[LatePayment], spread: Lateness, basis: Basis) -> Habit:
    n = len(points)
    if not spread.weight:
        none = basis.missing("nothing was paid in the last 24 months", DAYS, n=n, n_of=_PAYMENTS)
        return Habit(points, none, none)
    usual, nearly_always = (
        basis.figure(Decimal(days), DAYS, n=n, n_of=_PAYMENTS) for days in spread.quantiles((_MIDDLE, _NEARLY_ALL))
    )
    return Habit(points, usual, nearly_always)
