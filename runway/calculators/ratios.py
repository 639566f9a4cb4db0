"""Working-capital ratios: how long customers take, how long we take. In days unless a name says otherwise."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from infra.money import ZERO, to_cents
from runway.calculators.figures import DAYS, Basis, Figure

WINDOW_DAYS = 90
PAY_WINDOW_DAYS = 365
MIN_DOCUMENTS = 3
PERCENT = "%"
_DOCUMENTS = "documents"


@dataclass(frozen=True)
class Charge:
    """A sale on credit, or a billed purchase; home currency, a credit memo negative."""

    on: date
    amount: Decimal


@dataclass(frozen=True)
class Paid:
    """What was applied to a document of `issued_on`."""

    issued_on: date
    on: date
    amount: Decimal


def days_outstanding(open_amount: Decimal, charges: Iterable[Charge], *, basis: Basis) -> Figure:
    """DSO (simple) from A/R and credit sales, DPO from A/P and billed purchases; best possible DSO from A/R not due.

    Open amount by charges of the last 90 days, times 90. T's own charges count: they are in the open amount.
    """
    inside = _window(charges, basis.as_of, WINDOW_DAYS)
    total = sum((item.amount for item in inside), ZERO)
    if why := _too_little(total, len(inside), what="charges", days=WINDOW_DAYS):
        return basis.missing(why, DAYS, n=len(inside), n_of=_DOCUMENTS)
    return basis.figure(to_cents(open_amount * WINDOW_DAYS / total), DAYS, n=len(inside), n_of=_DOCUMENTS)


def countback_days(receivable: Decimal, sales: Iterable[Charge], *, basis: Basis) -> Figure:
    """DSO by countback: whole months of credit sales off A/R, newest first; then the fraction that covers the rest.

    The month of T is whole up to T and counts so many days. When A/R outlasts the sales given, the figure is what they
    cover and says "at least".
    """
    months: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    known = [sale for sale in sales if sale.on <= basis.as_of]
    for sale in known:
        months[sale.on.year, sale.on.month] += sale.amount
    if why := _too_little(sum(months.values(), ZERO), len(known), what="credit sales"):
        return basis.missing(why, DAYS, n=len(known), n_of=_DOCUMENTS)
    days, rest, (year, month) = ZERO, receivable, (basis.as_of.year, basis.as_of.month)
    length, oldest = basis.as_of.day, min(months)
    while rest > 0 and (year, month) >= oldest:
        sold = max(ZERO, months[year, month])
        days += length if sold <= rest else length * rest / sold
        rest -= min(sold, rest)
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        length = monthrange(year, month)[1]
    note = "at least: receivables exceed all sales given" if rest > 0 else None
    return basis.figure(to_cents(days), DAYS, n=len(known), n_of=_DOCUMENTS, note=note)


def days_delinquent(dso: Figure, best_possible: Figure, *, basis: Basis) -> Figure:
    """Average days delinquent, of the simple DSO: both by the same window and denominator."""
    return _difference(dso, best_possible, basis=basis)


def days_to_pay(paid: Iterable[Paid], *, basis: Basis) -> Figure:
    """Behavioural: how long after its date money came, weighted by money; applied in the last 365 days."""
    first = basis.as_of - timedelta(days=PAY_WINDOW_DAYS)
    inside = [item for item in paid if first < item.on <= basis.as_of]
    total = sum((item.amount for item in inside), ZERO)
    if why := _too_little(total, len(inside), what="payments", days=PAY_WINDOW_DAYS):
        return basis.missing(why, DAYS, n=len(inside), n_of="payments")
    weighted = sum((item.amount * (item.on - item.issued_on).days for item in inside), ZERO)
    return basis.figure(to_cents(weighted / total), DAYS, n=len(inside), n_of="payments")


def conversion_cycle(dso: Figure, dio: Figure | None, dpo: Figure, *, basis: Basis) -> Figure | None:
    """CCC = DSO + DIO - DPO; None (hidden) without an inventory account, which has no DIO."""
    if dio is None:
        return None
    held = _difference(dso, dpo, basis=basis)
    if held.value is None or dio.value is None:
        why = held.reason or dio.reason or "n/a"
        return basis.missing(why, DAYS, n=min(held.n, dio.n), n_of=_DOCUMENTS)
    return basis.figure(held.value + dio.value, DAYS, n=min(held.n, dio.n), n_of=_DOCUMENTS)


def collection_effectiveness(
    opening: Decimal, sales: Sequence[Charge], *, closing: Decimal, closing_not_due: Decimal, basis: Basis
) -> Figure:
    """CEI: what was collected of what could have been; 100 is everything that was due.

    Args:
        opening: A/R when the window began.
        sales: credit sales in the window.
        closing: A/R at T, of which `closing_not_due` is not due yet.
        closing_not_due: see `closing`.
        basis: T.
    """
    base = opening + sum((sale.amount for sale in sales), ZERO)
    if why := _too_little(base - closing_not_due, len(sales), what="amounts to collect"):
        return basis.missing(why, PERCENT, n=len(sales), n_of=_DOCUMENTS)
    ratio = (base - closing) / (base - closing_not_due)
    return basis.figure(to_cents(ratio * 100), PERCENT, n=len(sales), n_of=_DOCUMENTS)


def _window(charges: Iterable[Charge], as_of: date, days: int) -> list[Charge]:
    return [item for item in charges if as_of - timedelta(days=days) < item.on <= as_of]


def _too_little(total: Decimal, n: int, *, what: str, days: int | None = None) -> str | None:
    within = f" in {days} days" if days else ""
    if n < MIN_DOCUMENTS:
        return f"n/a (only {n} {what}{within})" if n else f"n/a (no {what}{within})"
    return None if total > 0 else f"n/a ({what} add up to nothing{within})"


def _difference(one: Figure, other: Figure, *, basis: Basis) -> Figure:
    n = min(one.n, other.n)
    if one.value is None or other.value is None:
        return basis.missing(one.reason or other.reason or "n/a", DAYS, n=n, n_of=_DOCUMENTS)
    return basis.figure(one.value - other.value, DAYS, n=n, n_of=_DOCUMENTS)
