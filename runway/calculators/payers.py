"""How each customer pays: its own lateness, drawn towards the company's by as much as its history is short."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from runway.calculators.lateness import ONE, InvoiceHistory, Lateness, LatePoint, late_points

POOL_WEIGHT = 6 * ONE  # a customer with six recent paid invoices is half itself
MIN_PAYMENTS_FOR_WEEKDAY = 8
_PART_PAYER_FROM = 2
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Payer:
    """Attributes:
    own: of this customer alone.
    mixed: own and the company's pool, the pool weighing six invoices.
    n: paid invoices within the window.
    weekday: Monday 0; only where more than half of at least eight payments came on it.
    is_part_payer: two or more payments in twelve months that left more of an invoice open.
    """

    own: Lateness
    mixed: Lateness
    n: int = 0
    weekday: int | None = None
    is_part_payer: bool = False


@dataclass(frozen=True)
class PayerBook:
    """Attributes:
    pool: of all customers.
    n: paid invoices that fed it.
    """

    as_of: date
    pool: Lateness
    n: int
    payers: Mapping[str, Payer] = field(default_factory=dict)

    def of(self, customer_id: str) -> Payer:
        """A customer without history behaves like the company."""
        return self.payers.get(customer_id) or Payer(own=Lateness(), mixed=self.pool)


def payer_book(invoices: Iterable[InvoiceHistory], as_of: date) -> PayerBook:
    """From every invoice with a payment in the last 24 months; what was applied after `as_of` is not known yet."""
    points: dict[str, list[LatePoint]] = defaultdict(list)
    paid: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for invoice in invoices:
        parts[invoice.customer_id] += _part_payments(invoice, as_of)
        if found := late_points(invoice, as_of):
            points[invoice.customer_id].extend(found)
            paid[invoice.customer_id] += 1
    pool = Lateness.of((point.days_late, point.weight) for many in points.values() for point in many)
    scaled = pool.scaled_to(POOL_WEIGHT)
    customers = set(points) | {customer for customer, n in parts.items() if n}
    payers = {
        customer: _payer(points[customer], scaled, n=paid[customer], parts=parts[customer])
        for customer in sorted(customers)
    }
    return PayerBook(as_of, pool=scaled, n=paid.total(), payers=payers)


def _payer(points: list[LatePoint], pool: Lateness, *, n: int, parts: int) -> Payer:
    own = Lateness.of((point.days_late, point.weight) for point in points)
    weekdays = Counter(point.paid_on.weekday() for point in points)
    weekday = None
    if len(points) >= MIN_PAYMENTS_FOR_WEEKDAY:
        best, times = min(weekdays.items(), key=lambda item: (-item[1], item[0]))
        # Lateness holds every weekday's habit already; a shift only sharpens one that is really usual.
        weekday = best if times * 2 > len(points) else None
    return Payer(own, own.mixed_with(pool), n=n, weekday=weekday, is_part_payer=parts >= _PART_PAYER_FROM)


def _part_payments(invoice: InvoiceHistory, as_of: date) -> int:
    """Payments of the last twelve months after which some of the invoice was still open."""
    known = sorted((item.on, item.amount) for item in invoice.applied if item.on <= as_of and item.amount > 0)
    open_amount, parts = invoice.total, 0
    for on, amount in known:
        open_amount -= amount
        parts += open_amount > 0 and on > as_of - _YEAR
    return parts
