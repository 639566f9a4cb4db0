"""Who is calling a rail, most urgent first. A lane's figures say how much of the shared room it may use."""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    PAYMENT = "payments"
    USER = "users"
    WEBHOOK = "webhooks"
    RECONCILIATION = "reconciliation"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class LaneShare:
    """What a lane may use of the limits that all lanes share.

    Attributes:
        burst_percent: how far the lane may run ahead of the sustained rate; the rest is kept for lanes above it.
        slots_kept_free: calls in flight that it leaves to the lanes above it.
        stand_back_ms: how much later than a user it takes the next free moment, so that of two waiters the user wins.
        may_degrade: whether it goes on with a process's own share while Redis is down.
    """

    burst_percent: int
    slots_kept_free: int
    stand_back_ms: int
    may_degrade: bool


LANE_SHARES = {
    Lane.PAYMENT: LaneShare(burst_percent=100, slots_kept_free=0, stand_back_ms=0, may_degrade=True),
    Lane.USER: LaneShare(burst_percent=100, slots_kept_free=1, stand_back_ms=0, may_degrade=True),
    Lane.WEBHOOK: LaneShare(burst_percent=80, slots_kept_free=2, stand_back_ms=5, may_degrade=True),
    Lane.RECONCILIATION: LaneShare(burst_percent=60, slots_kept_free=3, stand_back_ms=10, may_degrade=False),
    Lane.BACKFILL: LaneShare(burst_percent=40, slots_kept_free=3, stand_back_ms=15, may_degrade=False),
}
