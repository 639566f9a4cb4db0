"""A vendor or a customer as their page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domains.core.parties import Party
from runway.calculators.figures import Figure
from runway.orchestrators.party_pages import Habit, LatePayment
from runway.web import formats
from runway.web.charts.lateness import Paid, lateness_chart
from runway.web.strings import _, ngettext

_WIDTH = 640.0


@dataclass(frozen=True)
class PartyView:
    """`balance` is QuickBooks' own sum of what is open."""

    name: str
    company: str | None
    email: str | None
    phone: str | None
    terms: str | None
    balance: Decimal | None
    currency: str
    is_active: bool


@dataclass(frozen=True)
class MonthView:
    """The chart's twin: payments of one month."""

    month: str
    n: int
    median: int
    worst: int


@dataclass(frozen=True)
class HabitView:
    """`chart` is SVG of our own drawing, or None where nothing was paid."""

    usual: Figure
    nearly_always: Figure
    words: str
    chart: str | None
    months: Sequence[MonthView]


def party_view(party: Party, home_currency: str) -> PartyView:
    company = party.company_name if party.company_name != party.display_name else None
    return PartyView(
        name=party.display_name,
        company=company,
        email=party.email,
        phone=party.phone,
        terms=party.terms_external_id,
        balance=party.balance,
        currency=party.currency or home_currency,
        is_active=party.is_active,
    )


def habit_view(habit: Habit, document: str) -> HabitView:
    """`document` is what one of theirs is called: Bill, Invoice."""
    paid = [Paid(one.point.paid_on, one.point.days_late, f"{document} {one.document_id}") for one in habit.payments]
    p50, p90 = habit.usual.value, habit.nearly_always.value
    return HabitView(
        usual=habit.usual,
        nearly_always=habit.nearly_always,
        words=_words(p50, p90),
        chart=lateness_chart("lateness", paid, p50=p50, p90=p90, width=_WIDTH) if paid else None,
        months=_months(habit.payments),
    )


def _words(p50: Decimal | None, p90: Decimal | None) -> str:
    if p50 is None or p90 is None:
        return _("Nothing was paid in the last 24 months, so there is no habit to go by.")
    return _("Usually %(usual)s; nine times in ten by %(late)s.") % {"usual": _late(p50), "late": _late(p90)}


def _late(days: Decimal) -> str:
    whole = int(days)
    if whole == 0:
        return _("on the due day")
    if whole < 0:
        return ngettext("%(n)s day early", "%(n)s days early", -whole) % {"n": -whole}
    return ngettext("%(n)s day late", "%(n)s days late", whole) % {"n": whole}


def _months(payments: Sequence[LatePayment]) -> Sequence[MonthView]:
    by_month: dict[date, list[int]] = {}
    for one in payments:
        by_month.setdefault(one.point.paid_on.replace(day=1), []).append(one.point.days_late)
    return [
        MonthView(formats.day(first, "month"), len(days), sorted(days)[(len(days) - 1) // 2], max(days))
        for first, days in sorted(by_month.items(), reverse=True)
    ]
