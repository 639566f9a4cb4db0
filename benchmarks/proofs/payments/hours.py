"""Hours in a moment: where nobody in a lane has anything to do, its time jumps to what comes next.

What the database holds of its actions is aged by as much (PostgreSQL's clock stays the one that decides), and every other clock that its
tasks read goes with it. All durations are those of service, so that a busy machine changes nothing but the wait for the proof.
"""

import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from infra.actions import claim, workshop
from infra.ratelimit import breaker, circuit

AGE: Final = """
CREATE FUNCTION pg_temp.age(business uuid, ids uuid[], by interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  UPDATE action_intent SET created_at = created_at - by, changed_at = changed_at - by, due_at = due_at - by,
    lease_until = lease_until - by, first_sent_at = first_sent_at - by, last_sent_at = last_sent_at - by,
    settled_at = settled_at - by, verified_at = verified_at - by, struggling_since = struggling_since - by
  WHERE business_id = business AND id = ANY(ids);
  UPDATE outbox SET due_at = due_at - by WHERE business_id = business AND finished_at IS NULL AND queue = 'actions';
END $$
"""
"""Past the walls, as only the owner of the machine can."""


@dataclass
class LaneTime:
    """Seconds ahead of the machine's clock, and since when."""

    shift: float = 0.0
    _since: list[float] = field(default_factory=lambda: [0.0])
    _shifts: list[float] = field(default_factory=lambda: [0.0])

    def now(self) -> float:
        return time.time() + self.shift

    def jump(self, seconds: float) -> None:
        self.shift += seconds
        self._since.append(time.time())
        self._shifts.append(self.shift)

    def of(self, machine_time: float) -> float:
        """The lane's time when the machine's clock showed this."""
        return machine_time + self._shifts[bisect_right(self._since, machine_time) - 1]


HERE: ContextVar[LaneTime | None] = ContextVar("lane_time", default=None)


def _shift() -> float:
    lane = HERE.get()
    return 0.0 if lane is None else lane.shift


def _monotonic() -> float:
    return time.monotonic() + _shift()


@dataclass(frozen=True)
class LaneClock:
    """The clock of a machine that works for a lane, wrong by so many seconds."""

    skew: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + _shift() + self.skew, UTC)


_PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (claim, "time", SimpleNamespace(monotonic=_monotonic)),
    (workshop, "time", SimpleNamespace(monotonic=_monotonic)),
    (circuit, "monotonic", _monotonic),
    (breaker, "monotonic", _monotonic),
)


@contextmanager
def lane_times() -> Iterator[None]:
    """Deadlines and circuits read the time of the lane that they are in, for as long as the block runs."""
    true = [(where, name, getattr(where, name)) for where, name, _ in _PATCHED]
    for where, name, value in _PATCHED:
        setattr(where, name, value)
    try:
        yield
    finally:
        for where, name, value in true:
            setattr(where, name, value)


def interval(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
