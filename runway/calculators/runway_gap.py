"""Why the headline and the cross-check differ: a named item, since a bare difference explains nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from infra.money import ZERO, to_cents
from runway.calculators.burn_runway import CAP_DAYS, BurnRunway, RunwayState
from runway.calculators.forecast_runway import ForecastRunway
from runway.calculators.outlook import DatedFlow, PathRow

_DIFFERS_ABOVE = Decimal("0.25")
_DAYS_A_WEEK = 7
# What comes again is in the trailing burn already, so it explains no difference.
_IN_TRAILING_BURN = frozenset({
    PathRow.PAYROLL, PathRow.RECURRING, PathRow.UNPLANNED, PathRow.UNINVOICED_SALES,
    PathRow.NOT_YET_INVOICED, PathRow.NOT_YET_BILLED,
})  # fmt: skip
_COUNTED = {RunwayState.FINITE, RunwayState.BELOW_FLOOR, RunwayState.BEYOND_CAP, RunwayState.CASH_POSITIVE}


@dataclass(frozen=True)
class RunwayGap:
    """`item` is the flow that explains most, its parts together, on the first day of them; None when none does."""

    forecast_days: Decimal | None
    burn_days: Decimal | None
    item: DatedFlow | None
    text: str


def runway_gap(
    forecast: ForecastRunway, burn: BurnRunway, *, flows: Iterable[DatedFlow], as_of: date
) -> RunwayGap | None:
    """None while they agree to within 25 % of the headline, or one of them is unknown.

    "No cash-out" and "24+ months" count as beyond any number of days, and as equal to one another.

    Args:
        forecast: the headline.
        burn: the cross-check, to the same floor.
        flows: the dated ones of the path.
        as_of: T.
    """
    if forecast.state not in _COUNTED or burn.state not in _COUNTED:
        return None
    ahead, steady = _days(forecast.state, forecast.days.value), _days(burn.state, burn.days.value)
    if ahead == steady:
        return None
    if ahead is not None and steady is not None and abs(ahead - steady) <= _DIFFERS_ABOVE * ahead:
        return None
    is_shorter = steady is None or (ahead is not None and ahead < steady)
    item = _largest(flows, is_outflow=is_shorter, until=forecast.floor_on)
    return RunwayGap(ahead, steady, item, _text(ahead, steady, item, as_of))


def _days(state: RunwayState, value: Decimal | None) -> Decimal | None:
    is_open = state in {RunwayState.CASH_POSITIVE, RunwayState.BEYOND_CAP} or (value or ZERO) >= CAP_DAYS
    return None if is_open else value


def _largest(flows: Iterable[DatedFlow], *, is_outflow: bool, until: date | None) -> DatedFlow | None:
    items: dict[tuple[PathRow, str], list[DatedFlow]] = defaultdict(list)
    for flow in flows:
        is_meant = (flow.amount < 0) == is_outflow and flow.row not in _IN_TRAILING_BURN
        if is_meant and (until is None or flow.on <= until):
            items[flow.row, flow.key].append(flow)
    summed = [
        DatedFlow(min(f.on for f in parts), sum((f.amount for f in parts), ZERO), row, key)
        for (row, key), parts in items.items()
    ]
    return min(summed, key=lambda flow: (-abs(flow.amount), flow.on, flow.row, flow.key), default=None)


def _text(ahead: Decimal | None, steady: Decimal | None, item: DatedFlow | None, as_of: date) -> str:
    said = f"forecast {_in_words(ahead)}, at trailing burn {_in_words(steady)}"
    if item is None:
        return said
    week = max(0, (item.on - as_of).days - 1) // _DAYS_A_WEEK + 1
    way = "out" if item.amount < 0 else "in"
    what = f"{to_cents(abs(item.amount)):,} {way} ({item.row.replace('_', ' ')} {item.key})"
    return f"{said}; largest item not in trailing burn: {what} in week {week}"


def _in_words(days: Decimal | None) -> str:
    return "no cash-out within 24 months" if days is None else f"{days} days"
