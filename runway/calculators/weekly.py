"""Mean and median of 13 weekly net flows: the mean conserves cash, the median resists spikes; far apart, say why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from infra.money import ZERO, to_cents
from runway.calculators.burn import MIN_HISTORY_DAYS, NOT_ENOUGH_HISTORY
from runway.calculators.figures import Basis, Figure
from runway.calculators.flows import Flow

WEEKS = 13
_DIFFERS_ABOVE = Decimal("0.25")
_DAYS_A_WEEK = 7


@dataclass(frozen=True)
class WeekNet:
    """Operating net flow of seven complete days; positive means cash came in."""

    starts_on: date
    ends_on: date
    net: Decimal


@dataclass(frozen=True)
class LargestItem:
    """One document, all its operating lines together; `amount` positive came in."""

    on: date
    amount: Decimal
    counterparty: str | None
    source: str
    external_id: str

    def __str__(self) -> str:
        way = "in from" if self.amount > 0 else "out to"
        who = self.counterparty or "an unnamed party"
        return f"{to_cents(abs(self.amount)):,} {way} {who} on {self.on} ({self.source} {self.external_id})"


@dataclass(frozen=True)
class WeeklyFlows:
    """Attributes:
    weeks: oldest first, the last ends the day before T; fewer than 13 when history is short, none below 28 days.
    difference: the sentence that names `largest`, when mean and median are more than 25 % of the mean apart.
    """

    weeks: tuple[WeekNet, ...]
    mean: Figure
    median: Figure
    difference: str | None
    largest: LargestItem | None


def weekly_flows(flows: Sequence[Flow], basis: Basis, *, history: int) -> WeeklyFlows:
    count = min(WEEKS, history // _DAYS_A_WEEK)
    if history < MIN_HISTORY_DAYS:
        missing = basis.missing(NOT_ENOUGH_HISTORY, basis.weekly, n=count, n_of="weeks")
        return WeeklyFlows((), missing, missing, difference=None, largest=None)
    first = basis.as_of - timedelta(days=count * _DAYS_A_WEEK)
    counted = [flow for flow in flows if flow.is_operating and first <= flow.movement.on < basis.as_of]
    nets = _nets(counted, first, count=count)
    mean, middle = sum(nets, ZERO) / count, median(nets)
    largest = largest_item(counted)
    differs = abs(mean - middle) > _DIFFERS_ABOVE * abs(mean)
    difference = f"mean and median week differ by more than 25 %; largest item: {largest}" if differs else None
    short = f"based on {count} weeks" if count < WEEKS else None
    note = "; ".join(part for part in (short, difference) if part) or None
    return WeeklyFlows(
        weeks=tuple(_week(first, index, net) for index, net in enumerate(nets)),
        mean=basis.figure(to_cents(mean), basis.weekly, n=count, n_of="weeks", note=note),
        median=basis.figure(to_cents(middle), basis.weekly, n=count, n_of="weeks", note=note),
        difference=difference,
        largest=largest,
    )


def largest_item(flows: Iterable[Flow]) -> LargestItem | None:
    """The document that moves most; of equals the earliest, so that the answer does not depend on order."""
    items: dict[tuple[str, str], LargestItem] = {}
    for movement in (flow.movement for flow in flows):
        key = (movement.source, movement.external_id)
        so_far = items[key].amount if key in items else ZERO
        items[key] = LargestItem(movement.on, so_far + movement.amount, movement.counterparty, *key)
    ranked = sorted(items.values(), key=lambda item: (-abs(item.amount), item.on, item.source, item.external_id))
    return ranked[0] if ranked else None


def _nets(flows: Iterable[Flow], first: date, *, count: int) -> list[Decimal]:
    nets = [ZERO] * count
    for flow in flows:
        nets[(flow.movement.on - first).days // _DAYS_A_WEEK] += flow.movement.amount
    return nets


def _week(first: date, index: int, net: Decimal) -> WeekNet:
    starts_on = first + timedelta(days=index * _DAYS_A_WEEK)
    return WeekNet(starts_on, starts_on + timedelta(days=_DAYS_A_WEEK - 1), net)
