"""How old what several mirrors hold together is, and what a reader is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from infra.errors import RailUnavailable
from infra.observability.counted import note_read
from infra.sync.freshness import NEVER_SHOWN_SILENTLY, Fetched, Freshness, FreshnessNeed, FreshnessSource, SyncStrategy
from infra.sync.runs import StateLine, SyncState

T = TypeVar("T")


class StaleRefused(RailUnavailable):
    """A live read could not be refreshed in time; it never answers from a stale mirror."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The books could not be brought up to date, and this needs them live: {reason}.")


class Newest(NamedTuple):
    """Of the kinds that were looked at, the one that was in step last: the next refresh moves it, whatever the others wait for."""

    synced_at: datetime
    entity: str


@dataclass(frozen=True)
class MirrorAge:
    """How old what several mirrors hold together is: as old as the oldest of them."""

    as_of: datetime | None
    age: timedelta | None
    is_dirty: bool
    is_backfilling: bool
    was_never_begun: bool
    newest: Newest | None
    rescan_reason: str | None
    quarantined: int
    open_drift: int

    def is_fresh(self, max_age: timedelta) -> bool:
        """What was read in the future was read by a process whose clock is wrong, and nobody knows when."""
        return self.age is not None and not self.is_dirty and -_CLOCKS_DIFFER <= self.age <= max_age


@dataclass(frozen=True)
class Attempt:
    """How a refresh ended; `reason` is set when it did not succeed in time."""

    source: FreshnessSource = FreshnessSource.MIRROR
    calls: int = 0
    reason: str | None = None


_CLOCKS_DIFFER = timedelta(minutes=1)
_NO_ATTEMPT = Attempt()
_NOT_WHOLE = "an object that cannot be read is kept apart, so this may not be the whole"
_LONG_AGO = "the books were last read more than a day ago"


def settled(value: T, age: MirrorAge, *, attempt: Attempt, need: FreshnessNeed) -> Fetched[T]:
    """What was read after the attempt.

    Raises:
        StaleRefused: it is stale all the same, and the caller takes nothing stale.
    """
    found = freshness_of(age, attempt=attempt)
    if found.stale and need.strategy is SyncStrategy.LIVE:
        raise StaleRefused(found.reason or "they are older than they seem")
    return Fetched(value, found)


def age_of(states: Sequence[SyncState | StateLine | None], *, now: datetime) -> MirrorAge:
    instants = [state.last_synced_at for state in states if state and state.last_synced_at]
    as_of = min(instants) if len(instants) == len(states) else None
    return MirrorAge(
        as_of=as_of,
        age=now - as_of if as_of else None,
        is_dirty=any(state is not None and state.dirty_since is not None for state in states),
        is_backfilling=any(state is None or state.synced_through is None for state in states),
        was_never_begun=all(state is None for state in states),
        newest=max(
            (Newest(state.last_synced_at, state.entity) for state in states if state and state.last_synced_at),
            default=None,
        ),
        rescan_reason=next((state.rescan_reason for state in states if state and state.rescan_reason), None),
        quarantined=sum(state.quarantined for state in states if state),
        open_drift=sum(state.open_drift for state in states if state),
    )


def freshness_of(age: MirrorAge, *, attempt: Attempt | None = None) -> Freshness:
    """A refresh that succeeded is as fresh as can be, however young the caller wanted it: `max_age=0` is no contradiction."""
    attempt = attempt or _NO_ATTEMPT
    reason = attempt.reason or ("a change was announced during the refresh" if age.is_dirty else None)
    if attempt is not _NO_ATTEMPT:
        reason = reason or age.rescan_reason
    note_read(
        attempt.source.value, age.age.total_seconds() if age.age is not None else None, is_stale=reason is not None
    )
    return Freshness(
        as_of=age.as_of,
        age_seconds=max(0, int(age.age.total_seconds())) if age.age is not None else None,
        source=attempt.source,
        calls_spent=attempt.calls,
        stale=reason is not None,
        reason=reason or _reason_to_mention(age),
        quarantined=age.quarantined,
        open_drift=age.open_drift,
    )


def _reason_to_mention(age: MirrorAge) -> str | None:
    """What a caller must be told although they accept it."""
    if age.age is None or age.age > NEVER_SHOWN_SILENTLY:
        return _LONG_AGO
    return _NOT_WHOLE if age.quarantined else None
