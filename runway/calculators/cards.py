"""What a cockpit shows first of one forecast: what is due, what is overdue, and what matters most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from infra.money import ZERO
from runway.calculators.ageing import AgedDocument, Ageing
from runway.calculators.burn_runway import RunwayState
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow, PathRow

SOON_DAYS = 7
_MOST = 5


class Weight(StrEnum):
    """How much it matters, the most first."""

    ALARM = "alarm"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Matter:
    """`amount` positive, in home currency; None where it is no matter of money."""

    weight: Weight
    text: str
    on: date | None = None
    amount: Decimal | None = None


@dataclass(frozen=True)
class DueSoon:
    """What is to be paid from T to the day asked for, what is overdue included; n counts payments.

    Attributes:
        total: bills, pay, taxes and what comes again.
        must_pays: of it: pay, taxes and bills that are marked.
    """

    days: int
    total: Figure
    must_pays: Figure


@dataclass(frozen=True)
class OpenSoon:
    """Documents of one side that fall due from T to the day asked for, before credits."""

    days: int
    due: Figure


def due_soon(forecast: Forecast, *, days: int = SOON_DAYS) -> DueSoon:
    flows = owed_soon(forecast, days=days)
    return DueSoon(
        days=days,
        total=_sum(flows, forecast),
        must_pays=_sum([flow for flow in flows if flow.is_must_pay], forecast),
    )


def owed_soon(forecast: Forecast, *, days: int = SOON_DAYS) -> Sequence[DatedFlow]:
    """What is to be paid by then, on its day. A bill that is expected later by habit is due on its due day all the same."""
    last, late = forecast.basis.as_of + timedelta(days=days), forecast.parts.late_by_habit
    owed = forecast.path.owed_until(last)
    if not late:
        return owed
    moved = [flow for flow in forecast.flows if _is_moved(flow, late)]
    due = [replace(flow, on=_due_day(flow, forecast)) for flow in moved]
    return [*(flow for flow in owed if not _is_moved(flow, late)), *(flow for flow in due if flow.on <= last)]


def _is_moved(flow: DatedFlow, late_by_habit: Mapping[str, int]) -> bool:
    return flow.row is PathRow.BILLS and flow.key in late_by_habit


def _due_day(flow: DatedFlow, forecast: Forecast) -> date:
    """Today, where it is past."""
    return max(flow.on - timedelta(days=forecast.parts.late_by_habit[flow.key]), forecast.basis.as_of)


def open_soon(side: Ageing, forecast: Forecast, *, days: int) -> OpenSoon:
    due = side.due_between(side.as_of, forecast.basis.as_of + timedelta(days=days))
    total = sum((item.document.open_amount for item in due), ZERO)
    return OpenSoon(days, forecast.basis.figure(total, forecast.basis.currency, n=len(due), n_of="documents"))


def by_due_date(side: Ageing, *, until: date) -> list[AgedDocument]:
    """What is overdue or due by then, the longest due first."""
    return list(side.due_between(date.min, until))


def matters(forecast: Forecast) -> list[Matter]:
    """The five that matter most, from the forecast alone."""
    found = [*_uncovered(forecast), *_headline(forecast), *_overdue(forecast), *_notes(forecast)]
    return sorted(found, key=lambda matter: list(Weight).index(matter.weight))[:_MOST]


def _uncovered(forecast: Forecast) -> Iterable[Matter]:
    for flow in forecast.standing.uncovered[:_MOST]:
        what = flow.row.replace("_", " ")
        yield Matter(Weight.ALARM, f"A must-pay may not be covered: {what}", flow.on, -flow.amount)


def _headline(forecast: Forecast) -> Iterable[Matter]:
    runway = forecast.standing.runway
    if runway.state is RunwayState.BELOW_FLOOR:
        yield Matter(Weight.ALARM, "Cash is below the floor", runway.floor_on, forecast.report.cash.cash.value)
    elif runway.state is RunwayState.FINITE and not runway.early.is_beyond_horizon:
        yield Matter(Weight.WARNING, "Cash falls below the floor within 13 weeks", runway.floor_on)


def _overdue(forecast: Forecast) -> Iterable[Matter]:
    for side, text in ((forecast.receivables, "Invoices are overdue"), (forecast.payables, "Bills are overdue")):
        if side.overdue.value:
            yield Matter(Weight.WARNING, f"{text}: {side.overdue.n}", None, side.overdue.value)
    asked = forecast.parts.asked_in_tray
    if asked:
        yield Matter(Weight.WARNING, f"Invoices so late that nothing is expected of them: {asked}")


def _notes(forecast: Forecast) -> Iterable[Matter]:
    for flag in forecast.report.flags:
        yield Matter(Weight.NOTE, flag)
    if forecast.concentration is not None and forecast.concentration.note:
        yield Matter(Weight.NOTE, forecast.concentration.note)
    if forecast.gap is not None:
        yield Matter(Weight.NOTE, f"The two runways differ: {forecast.gap.text}")


def _sum(flows: Sequence[DatedFlow], forecast: Forecast) -> Figure:
    total = -sum((flow.amount for flow in flows), ZERO)
    return forecast.basis.figure(total, forecast.basis.currency, n=len(flows), n_of="payments")
