"""What a decision does to the runway, in a bookkeeper's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from runway.calculators.impacts import Impact
from runway.calculators.outlook import PathRow
from runway.language.headline import headline
from runway.routes.preview_out import MustPayOut, PreviewOut
from runway.web import formats
from runway.web.strings import _, keyed, ngettext

MINUS = "\N{MINUS SIGN}"


_MUST_PAYS = {
    PathRow.PAYROLL: keyed("payroll"),
    PathRow.TAX: keyed("tax"),
    PathRow.BILLS: keyed("a bill that must be paid"),
}
_A_MUST_PAY = keyed("a must-pay")


@dataclass(frozen=True)
class PreviewView:
    """`tone`: warn where it puts something at risk, or ends below the floor; good where it gains days; plain else."""

    headline: str
    runway_before: str
    runway_after: str
    low: str
    low_on: date
    low_week_on: date
    low_is_below_floor: bool
    floor: str
    at_risk: Sequence[str]
    rescued: Sequence[str]
    tone: str
    seen_figures_id: UUID
    as_of: date


def preview_view(out: PreviewOut) -> PreviewView:
    low, floor = _decimal(out.after.low.value), _decimal(out.floor.value)
    is_below = low is not None and floor is not None and low < floor
    change, days = _decimal(out.low_change.value), _decimal(out.runway_days.value)
    is_worse = bool(out.newly_uncovered) or (is_below and bool(change) and (change or 0) < 0)
    return PreviewView(
        headline=effect_words(days, low, change, week_on=out.low_week_on, currency=out.currency),
        runway_before=headline(out.before.display),
        runway_after=headline(out.after.display),
        low=formats.money(low, out.currency),
        low_on=out.after.low_on,
        low_week_on=out.low_week_on,
        low_is_below_floor=is_below,
        floor=formats.money(floor, out.currency),
        at_risk=[_must_pay(one, out.currency) for one in out.newly_uncovered],
        rescued=[_must_pay(one, out.currency) for one in out.now_covered],
        tone="warn" if is_worse else "good" if (days or 0) > 0 else "plain",
        seen_figures_id=out.seen_figures_id,
        as_of=out.as_of,
    )


def impact_words(impact: Impact | None, currency: str) -> str | None:
    """`-6 days; low falls by $1.2k to $4.1k in the week of 7 Dec`. None where money is not what it is about."""
    if impact is None:
        return None
    return effect_words(
        impact.days.value, impact.low.value, impact.low_change.value, week_on=impact.low_week_on, currency=currency
    )


def item_words(impact: Impact | None, kind: str | None, currency: str) -> str | None:
    """Says of what it is the effect: a bill's is that of paying it at all, an invoice's that of its coming today."""
    told = impact_words(impact, currency)
    if told is None:
        return None
    if kind == "bill":
        return _("Paying it: %(effect)s") % {"effect": told}
    return _("If it is paid today: %(effect)s") % {"effect": told}


def compared_with(kind: str | None) -> str:
    """What the effect of a tray's item is measured against."""
    if kind == "bill":
        return _("Compared with not paying it at all.")
    return _("Compared with the forecast, in which it is paid when this customer usually pays.")


def effect_words(
    days: Decimal | None, low: Decimal | None, change: Decimal | None, *, week_on: date, currency: str
) -> str:
    """The runway's days, where both runways have an end; and what becomes of the low point."""
    told = [] if days is None else [_days(days)]
    if low is not None:
        told.append(_low(low, change or Decimal(0), week_on=week_on, currency=currency))
    return "; ".join(told)


def _days(days: Decimal) -> str:
    whole = int(days)
    if not whole:
        return _("no day more or less")
    sign = "+" if whole > 0 else MINUS
    return ngettext("%(n)s day", "%(n)s days", abs(whole)) % {"n": f"{sign}{abs(whole)}"}


def _low(low: Decimal, change: Decimal, *, week_on: date, currency: str) -> str:
    told = {
        "change": formats.short_money(abs(change), currency),
        "low": formats.short_money(low, currency),
        "day": formats.day(week_on),
    }
    if change < 0:
        return _("low falls by %(change)s to %(low)s in the week of %(day)s") % told
    if change > 0:
        return _("low rises by %(change)s to %(low)s in the week of %(day)s") % told
    return _("low stays at %(low)s in the week of %(day)s") % told


def _must_pay(one: MustPayOut, currency: str) -> str:
    what = _(_MUST_PAYS.get(one.row, _A_MUST_PAY))
    told = {"what": what, "amount": formats.money(one.amount, currency), "day": formats.day(one.on)}
    return _("%(what)s, %(amount)s on %(day)s") % told


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
