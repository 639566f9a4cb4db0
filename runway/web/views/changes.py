"""What changed since last week, as a chart and a table of named causes: they add up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from runway.calculators.bridge import Bridge, BridgeStep
from runway.calculators.figures import Figure
from runway.language.headline import headline
from runway.papers.words import cause_in_words
from runway.web.charts.bridge import Step, bars_of, bridge_chart
from runway.web.formats import number, short_money
from runway.web.strings import _
from runway.web.views.cockpit import NARROW, WIDE


@dataclass(frozen=True)
class CauseView:
    """`days` and `balance` as figures; `largest` names the document that weighs most."""

    label: str
    days: Figure
    cash: Figure
    balance: Figure
    largest: str | None
    largest_amount: Decimal | None


@dataclass(frozen=True)
class ChangesView:
    """`charts`: (wide, narrow); of days where both weeks have a number of them, of the balance else."""

    since: date
    until: date
    runway_before: str
    runway_now: str
    is_of_days: bool
    is_reconstructed: bool
    charts: tuple[str, str] | None
    causes: Sequence[CauseView]
    total: CauseView
    note: str | None


def changes_view(bridge: Bridge, *, currency: str) -> ChangesView:
    is_of_days = bridge.runway.change.value is not None
    total = CauseView(_("In all"), bridge.runway.change, bridge.cash.change, bridge.balance.change, None, None)
    return ChangesView(
        since=bridge.since,
        until=bridge.until,
        runway_before=headline(bridge.runway_before),
        runway_now=headline(bridge.runway_now),
        is_of_days=is_of_days,
        is_reconstructed=bridge.is_reconstructed,
        charts=_charts(bridge, is_of_days=is_of_days, currency=currency),
        causes=[_cause(step) for step in bridge.steps],
        total=total,
        note=bridge.runway.change.note if is_of_days else bridge.runway.change.reason,
    )


def _cause(step: BridgeStep) -> CauseView:
    largest = step.largest
    return CauseView(
        cause_in_words(step.cause),
        step.days,
        step.cash,
        step.balance,
        None if largest is None else largest.name,
        None if largest is None else largest.amount,
    )


def _charts(bridge: Bridge, *, is_of_days: bool, currency: str) -> tuple[str, str] | None:
    change = bridge.runway if is_of_days else bridge.balance
    before, now = change.before.value, change.now.value
    if before is None or now is None:
        return None
    steps = [
        Step(cause_in_words(step.cause), value)
        for step in bridge.steps
        if (value := (step.days if is_of_days else step.balance).value)
    ]
    rows = bars_of((_("Last week"), before), steps, (_("Now"), now))
    show: Callable[[Decimal], str] = number if is_of_days else lambda amount: short_money(amount, currency)

    def draw(name: str, width: float) -> str:
        return bridge_chart(name, rows, show=show, width=width)

    return draw("bridge-wide", WIDE), draw("bridge-narrow", NARROW)
