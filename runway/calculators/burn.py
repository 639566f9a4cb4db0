"""Burn over windows of complete days. Unit rule: money a day; sign rule: positive burn means cash goes down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from infra.money import ZERO, to_cents
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.flows import OFF_BANK, Flow, FlowSum, sums_by_kind

MAIN_WINDOW_DAYS = 90
WINDOWS_DAYS = (30, MAIN_WINDOW_DAYS, 365)
MIN_HISTORY_DAYS = 28
NOT_ENOUGH_HISTORY = "Not enough history"


@dataclass(frozen=True)
class BurnWindow:
    """Operating cash flow of `days` complete days, ending the day before T.

    Attributes:
        asked_days: the window as asked; `days` is what the history allowed (0 when there is none).
        starts_on, ends_on: first and last day, both inside.
        outflow, inflow: operating cash out and in, both positive, unrounded.
        gross_daily, net_daily: without value below 28 days of history. A negative net means that cash grows.
        included, excluded: what counted and what did not, by kind.
    """

    asked_days: int
    days: int
    starts_on: date
    ends_on: date
    outflow: Decimal
    inflow: Decimal
    gross_daily: Figure
    net_daily: Figure
    included: tuple[FlowSum, ...]
    excluded: tuple[FlowSum, ...]

    @property
    def is_enough(self) -> bool:
        return self.days >= MIN_HISTORY_DAYS

    @property
    def is_reduced(self) -> bool:
        return self.is_enough and self.days < self.asked_days

    @property
    def net_outflow(self) -> Decimal:
        """Over the whole window, unrounded."""
        return self.outflow - self.inflow


def history_days(flows: Sequence[Flow], as_of: date, *, began_on: date | None = None) -> int:
    """Complete days of bank history before `as_of`, counted from the first booked movement (or `began_on`)."""
    first = began_on or min((flow.movement.on for flow in flows if flow.is_history), default=as_of)
    return max(0, (as_of - first).days)


def burn_window(flows: Sequence[Flow], basis: Basis, *, asked_days: int, history: int) -> BurnWindow:
    days = min(asked_days, history)
    starts_on, ends_on = basis.as_of - timedelta(days=days), basis.as_of - timedelta(days=1)
    inside = [flow for flow in flows if starts_on <= flow.movement.on <= ends_on]
    counted = [flow for flow in inside if flow.is_operating]
    outflow = -sum((flow.movement.amount for flow in counted if flow.movement.amount < 0), ZERO)
    inflow = sum((flow.movement.amount for flow in counted if flow.movement.amount > 0), ZERO)
    excluded = sums_by_kind(flow for flow in inside if not flow.is_operating)
    note = _note(days, asked_days=asked_days, counted=counted, excluded=excluded)
    return BurnWindow(
        asked_days=asked_days,
        days=days,
        starts_on=starts_on,
        ends_on=ends_on,
        outflow=outflow,
        inflow=inflow,
        gross_daily=_per_day(outflow, basis, days=days, note=note),
        net_daily=_per_day(outflow - inflow, basis, days=days, note=note),
        included=sums_by_kind(counted),
        excluded=excluded,
    )


def _per_day(total: Decimal, basis: Basis, *, days: int, note: str | None) -> Figure:
    if days < MIN_HISTORY_DAYS:
        return basis.missing(NOT_ENOUGH_HISTORY, basis.daily, n=days, n_of=DAYS)
    return basis.figure(to_cents(total / days), basis.daily, n=days, n_of=DAYS, note=note)


def _note(days: int, *, asked_days: int, counted: Sequence[Flow], excluded: Sequence[FlowSum]) -> str | None:
    parts = [f"based on {days} days"] if days < asked_days else []
    if left_out := [item for item in excluded if item.kind not in OFF_BANK]:
        listed = ", ".join(f"{item.kind.replace('_', ' ')} {to_cents(item.amount):,} ({item.n})" for item in left_out)
        parts.append(f"without {listed}")
    if unknown := sum(_is_unexplained(flow) for flow in counted):
        parts.append(f"{unknown} without a known counter account taken as operating")
    return "; ".join(parts) or None


def _is_unexplained(flow: Flow) -> bool:
    return flow.movement.counter_account_id is None and not flow.movement.is_trade
