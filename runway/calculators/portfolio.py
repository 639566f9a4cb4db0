"""The order of a list of businesses, and which of them are at risk. Pure; the same in any order of input."""

from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.burn_runway import RunwayState

# Four weeks: the shortest time in which most of what helps (collecting, putting off, borrowing) can still be done.
AT_RISK_DAYS = 28


@dataclass(frozen=True)
class Standing:
    """What the order rests on. `state` None: no forecast is known. `spare` is the low point less the floor."""

    key: str
    state: RunwayState | None
    days: Decimal | None = None
    uncovered: int = 0
    spare: Decimal | None = None


def is_at_risk(standing: Standing) -> bool:
    """Below the floor, below it within four weeks as expected, or a must-pay that may bounce."""
    if standing.state is RunwayState.BELOW_FLOOR or standing.uncovered:
        return True
    return standing.days is not None and standing.days < AT_RISK_DAYS


def rank(standing: Standing) -> tuple[int, Decimal, int, Decimal, str]:
    """Worst first: the fewest days; then what nothing is known of; then what sees no end, the nearest to its floor first."""
    sees_no_end = standing.days is None and standing.state is RunwayState.CASH_POSITIVE
    return (
        2 if sees_no_end else int(standing.days is None),
        standing.days or ZERO,
        -standing.uncovered,
        standing.spare or ZERO,
        standing.key,
    )
