"""What is well, what should be looked at and what is broken: the same for `oodaloo doctor`, the health page and the guide's alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from infra.log_proof.findings import LAG_ALLOWED
from infra.log_proof.verified import UNCHANGED, Extent
from infra.observability.installation import VerifiedStanding
from infra.observability.rq_standing import Doorbells
from infra.observability.standings import QueueStanding, Tick

DUE_AFTER, STUCK_AFTER = timedelta(minutes=1), timedelta(minutes=15)
# The quickest entry comes round every 15 s.
TICK_AFTER = timedelta(minutes=2)
# What is new is verified every 15 minutes, everything every night.
_VERIFIED_AFTER = {Extent.NEW.value: timedelta(hours=1), Extent.ALL.value: timedelta(hours=26)}


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # it works, and should be looked at
    FAIL = "fail"  # it does not work, or is not safe


@dataclass(frozen=True)
class Verdict:
    level: Level
    said: str


def of_queues(queues: Sequence[QueueStanding]) -> Verdict:
    lag = timedelta(seconds=max((queue.oldest_due_seconds for queue in queues), default=0.0))
    dead = sum(queue.dead for queue in queues)
    said = f"the oldest job that is due has waited {lag.total_seconds():.0f} s; {dead} are dead"
    if lag > STUCK_AFTER:
        return Verdict(Level.FAIL, said)
    return Verdict(Level.WARN if lag > DUE_AFTER or dead else Level.OK, said)


def of_workers(bells: Doorbells) -> Verdict:
    if bells.unserved:
        return Verdict(Level.WARN, f"nobody serves {', '.join(bells.unserved)}")
    return Verdict(Level.OK, "every queue has a worker")


def of_schedule(ticks: Sequence[Tick]) -> Verdict:
    if not ticks:
        return Verdict(Level.WARN, "the schedule has never run")
    seconds = min(tick.seconds_ago for tick in ticks)
    said = f"the schedule last came round {seconds:.0f} s ago"
    return Verdict(Level.WARN if seconds > TICK_AFTER.total_seconds() else Level.OK, said)


def of_seal(lag: timedelta) -> Verdict:
    said = f"the oldest row of the logs that is not sealed is {lag.total_seconds():.0f} s old"
    return Verdict(Level.WARN if lag > LAG_ALLOWED else Level.OK, said)


def of_verified(found: Sequence[VerifiedStanding]) -> Verdict:
    """What was found to be changed is told by the look itself."""
    if not found:
        return Verdict(Level.WARN, "the log has not been verified yet, or Redis was emptied since")
    said = ", ".join(f"{one.extent}: {one.outcome}, {one.seconds_ago / 60:.0f} min ago" for one in found)
    is_well = all(
        one.outcome in UNCHANGED and one.seconds_ago <= _VERIFIED_AFTER[one.extent].total_seconds() for one in found
    )
    return Verdict(Level.OK if is_well else Level.WARN, f"the log was verified ({said})")
