"""What each rule says on T of the open invoices: shares of an amount on days. Each looks at what was known on T and no further."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean, median

from benchmarks.forecast_rules.town import Sale, T
from runway.calculators.ageing import Application, OpenDocument
from runway.calculators.banking_days import on_or_after
from runway.calculators.expected_dates import Expectations, ExpectedReceipt
from runway.calculators.lateness import InvoiceHistory
from runway.calculators.payers import payer_book

OURS = "ours: conditional, spread over quantiles"
_TOMORROW = on_or_after(T + timedelta(days=1))


@dataclass(frozen=True)
class Known:
    """A company on T. `receipts` is what our calculators say, by invoice."""

    paid: tuple[Sale, ...]
    open: tuple[Sale, ...]
    receipts: dict[str, ExpectedReceipt]

    @classmethod
    def of(cls, sales: Sequence[Sale]) -> "Known":
        paid = tuple(sale for sale in sales if sale.paid_on <= T)
        open_ = tuple(sale for sale in sales if sale.paid_on > T)
        book = payer_book(map(_history, paid), T)
        return cls(paid, open_, {one.external_id: one for one in Expectations(book).receipts(map(_document, open_))})


Said = list[tuple[date, Decimal]]


def due_date(known: Known) -> Said:
    return [(sale.due_on, sale.amount) for sale in known.open if sale.due_on >= T]


def overdue_tomorrow(known: Known) -> Said:
    return [(sale.due_on if sale.due_on >= T else _TOMORROW, sale.amount) for sale in known.open]


def customer_mean(known: Known) -> Said:
    return _usual_lateness(known, fmean)


def customer_median(known: Known) -> Said:
    return _usual_lateness(known, median)


def all_on_p50(known: Known) -> Said:
    receipts = known.receipts.values()
    return [(one.dates[len(one.dates) // 2], one.amount) for one in receipts if one.dates]


def spread(known: Known) -> Said:
    return [part for one in known.receipts.values() for part in one.spread()]


RULES: dict[str, Callable[[Known], Said]] = {
    "due date, overdue dropped": due_date,
    "due date, overdue on tomorrow": overdue_tomorrow,
    "due date + customer's mean lateness": customer_mean,
    "due date + customer's median lateness": customer_median,
    "conditional, all on P50": all_on_p50,
    OURS: spread,
}


def _usual_lateness(known: Known, usual: Callable[[Sequence[int]], float]) -> Said:
    """A customer without history pays as the company's do; what should have come by then comes tomorrow."""
    days: dict[str, list[int]] = defaultdict(list)
    for sale in known.paid:
        days[sale.customer_id].append((sale.paid_on - sale.due_on).days)
    everybody = [day for many in days.values() for day in many]
    said = []
    for sale in known.open:
        late = round(usual(days.get(sale.customer_id) or everybody))
        on = on_or_after(sale.due_on + timedelta(days=late))
        said.append((max(on, _TOMORROW), sale.amount))
    return said


def _history(sale: Sale) -> InvoiceHistory:
    return InvoiceHistory(sale.customer_id, sale.due_on, sale.amount, (Application(sale.paid_on, sale.amount),))


def _document(sale: Sale) -> OpenDocument:
    return OpenDocument(
        sale.external_id, sale.customer_id, sale.customer_id, sale.issued_on, sale.due_on, open_amount=sale.amount
    )
