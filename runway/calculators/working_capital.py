"""How long customers take and how long we take, from what was charged and what settled it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from infra.money import ZERO
from runway.calculators.ageing import Ageing, Bucket
from runway.calculators.figures import Basis, Figure
from runway.calculators.ratios import (
    WINDOW_DAYS,
    Charge,
    Paid,
    collection_effectiveness,
    countback_days,
    days_delinquent,
    days_outstanding,
    days_to_pay,
)


@dataclass(frozen=True)
class WorkingCapital:
    """Attributes:
    dso: by countback; `dso_simple` for comparison, and as what `delinquent` is of.
    days_to_pay: customers', from invoice to money; `days_we_take`: ours, from bill to payment.
    cei: collection effectiveness of the last 90 days, in percent.
    """

    dso: Figure
    dso_simple: Figure
    best_possible: Figure
    delinquent: Figure
    dpo: Figure
    days_to_pay: Figure
    days_we_take: Figure
    cei: Figure


@dataclass(frozen=True)
class Turnover:
    """Of the last 365 days, home currency.

    Attributes:
        sales, purchases: charged on credit, credits negative.
        collected, paid: what was applied to invoices and to bills.
    """

    sales: Sequence[Charge] = ()
    purchases: Sequence[Charge] = ()
    collected: Sequence[Paid] = ()
    paid: Sequence[Paid] = ()


def working_capital(turnover: Turnover, *, receivables: Ageing, payables: Ageing, basis: Basis) -> WorkingCapital:
    owed, owing = receivables.total.value or ZERO, payables.total.value or ZERO
    not_due = receivables.buckets[list(Bucket).index(Bucket.CURRENT)].amount.value or ZERO
    simple = days_outstanding(owed, turnover.sales, basis=basis)
    best = days_outstanding(not_due, turnover.sales, basis=basis)
    return WorkingCapital(
        dso=countback_days(owed, turnover.sales, basis=basis),
        dso_simple=simple,
        best_possible=best,
        delinquent=days_delinquent(simple, best, basis=basis),
        dpo=days_outstanding(owing, turnover.purchases, basis=basis),
        days_to_pay=days_to_pay(turnover.collected, basis=basis),
        days_we_take=days_to_pay(turnover.paid, basis=basis),
        cei=_effectiveness(turnover, receivables, basis=basis),
    )


def _effectiveness(turnover: Turnover, receivables: Ageing, *, basis: Basis) -> Figure:
    """Of invoices alone, so that the opening follows from the close: less what was charged, plus what was applied since."""
    first = basis.as_of - timedelta(days=WINDOW_DAYS)
    invoices = [sale for sale in turnover.sales if first < sale.on <= basis.as_of and sale.amount > 0]
    applied = sum((item.amount for item in turnover.collected if first < item.on <= basis.as_of), ZERO)
    closing = sum((bucket.amount.value or ZERO for bucket in receivables.buckets), ZERO)
    opening = closing + applied - sum((sale.amount for sale in invoices), ZERO)
    not_due = receivables.buckets[list(Bucket).index(Bucket.CURRENT)].amount.value or ZERO
    return collection_effectiveness(opening, invoices, closing=closing, closing_not_due=not_due, basis=basis)
