"""How old an answer may be, and how old it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

NEVER_SHOWN_SILENTLY = timedelta(hours=24)


class SyncStrategy(StrEnum):
    """Who asks. It decides how long a stale answer may wait for a refresh (DESIGN's table of callers)."""

    PAGE = "page"
    ON_DEMAND = "on_demand"
    LIVE = "live"
    SCHEDULED = "scheduled"
    EVENT = "event"
    RECONCILIATION = "reconciliation"


class FreshnessSource(StrEnum):
    MIRROR = "mirror"
    RAIL = "rail"
    COALESCED = "coalesced"


@dataclass(frozen=True)
class FreshnessNeed:
    """What a caller asks for: its strategy and, where it differs from the mirror's own, the oldest data it accepts.

    `of_today`: all that was in the books at the end of yesterday, in the company's zone, must be in the answer; `max_age` is then
    left aside.
    """

    strategy: SyncStrategy = SyncStrategy.ON_DEMAND
    max_age: timedelta | None = None
    of_today: bool = False

    @property
    def wait(self) -> timedelta:
        """The longest this caller waits for a refresh."""
        match self.strategy:
            case SyncStrategy.PAGE:
                return timedelta(0)
            case SyncStrategy.ON_DEMAND:
                return timedelta(seconds=2)
            case SyncStrategy.LIVE:
                return timedelta(seconds=10)
            case SyncStrategy.SCHEDULED | SyncStrategy.EVENT | SyncStrategy.RECONCILIATION:
                return timedelta(minutes=10)


ON_DEMAND = FreshnessNeed()
AS_IT_STANDS = FreshnessNeed(strategy=SyncStrategy.PAGE, max_age=timedelta.max)
"""What is in the mirror, however old, and never waiting."""


@dataclass(frozen=True)
class Freshness:
    """What an answer's age is and where it came from.

    Attributes:
        as_of: everything the rail had at this instant is in the answer; None when it was never synced.
        age_seconds: whole seconds since `as_of`.
        calls_spent: calls to the rail that this answer caused.
        stale: older than the caller allowed; `reason` says why it is given all the same. Data older than 24 hours, or never
            synced, has a reason even when the caller allowed it.
        quarantined: objects of these kinds that cannot be read, so that the answer shows them as they were or not at all.
        open_drift: differences from the rail that were found in these kinds and are not repaired.
    """

    as_of: datetime | None
    age_seconds: int | None
    source: FreshnessSource
    calls_spent: int
    stale: bool
    reason: str | None = None
    quarantined: int = 0
    open_drift: int = 0


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """A value and how fresh it is. Never one without the other."""

    value: T
    freshness: Freshness
