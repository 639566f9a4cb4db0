"""What the soak measured, each figure by its name and beside its bar."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from benchmarks.report import Measure, at_least, at_most, reported
from benchmarks.soak.calls import RealTimeCalls
from benchmarks.soak.people import VERBS, PeopleAtWork
from benchmarks.soak.watch import Seen
from infra.qbo.simulator.simulator import Simulator

DRIFT_SHARE = "soak: most that differed at any look"
DRIFT_AGE = "soak: longest until an announced change was mirrored"
IN_ONE_SECOND = "soak: … in 1 s"
REFUSED = "soak: refused by QuickBooks' own limits"
_MOST_DRIFT, _LONGEST_SECONDS = 0.05, 60.0


@dataclass
class Course:
    """What happened, apart from what the watch has seen."""

    reads: list[float] = field(default_factory=list)
    refused_reads: int = 0
    emptied: int = 0
    megabytes: list[float] = field(default_factory=list)
    announced: defaultdict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    last_notification: int = 0
    lost_grants: int = 0


def of_drift(seen: Seen, *, unnoticed: int) -> Sequence[Measure]:
    arrivals = sorted(seen.arrivals) or [0.0]
    return (
        at_most(DRIFT_SHARE, 100 * seen.most_differing, "% of objects", bar=100 * _MOST_DRIFT),
        at_most(DRIFT_AGE, arrivals[-1], "s", bar=_LONGEST_SECONDS),
        reported("soak: … median", arrivals[len(arrivals) // 2], "s"),
        reported("soak: … 99 of 100", arrivals[int(0.99 * (len(arrivals) - 1))], "s"),
        reported("soak: longest where the webhook was lost", max(seen.unannounced, default=0.0), "s"),
        at_most("soak: differences that nobody noticed", unnoticed, "objects", bar=0),
    )


def of_limits(simulator: Simulator, calls: RealTimeCalls) -> Sequence[Measure]:
    density = simulator.oracle.density().values()
    refused = sum(count["throttled"] for count in simulator.requests.values())

    def most(name: str) -> int:
        return max(one[name] for one in density)

    in_60 = most("most_in_60_seconds")
    return (
        at_most("soak: most calls of a realm in 60 s, simulator's count", in_60, "calls", bar=500),
        at_most("soak: … in 60 s of real time", calls.most_in_60_seconds, "calls", bar=500),
        at_most(IN_ONE_SECOND, most("most_in_1_second"), "calls", bar=10),
        at_most("soak: … at once", most("most_in_flight"), "calls", bar=10),
        at_most(REFUSED, refused, "calls", bar=0),
    )


def of_losses(course: Course, *, kills: int, dead: int, bugs: int) -> Sequence[Measure]:
    return (
        at_most("soak: grants lost with a killed worker", course.lost_grants, "grants", bar=kills),
        at_most("soak: dead jobs", dead, "jobs", bar=course.lost_grants),
        at_most("soak: kinds of tracebacks in the logs", bugs, "kinds", bar=0),
        at_most("soak: reads that were not answered", course.refused_reads, "reads", bar=0),
        reported("soak: slowest read", max(course.reads, default=0.0), "s"),
    )


def of_causes(drift: Mapping[str, int]) -> Sequence[Measure]:
    return [reported(f"soak: drift items, {cause}", count, "items") for cause, count in sorted(drift.items())]


def of_people(people: PeopleAtWork) -> Sequence[Measure]:
    return (
        at_least("soak: acts of people in QuickBooks", sum(people.done.values()), "acts", bar=1),
        reported("soak: kinds of acts", len(people.done), f"of {len(VERBS)}"),
    )


def of_troubles(applied: Mapping[str, int]) -> Sequence[Measure]:
    return [reported(f"soak: befell, {name}", count, "times") for name, count in sorted(applied.items())]


def of_course(course: Course) -> Sequence[Measure]:
    first, last = course.megabytes[0], course.megabytes[-1]
    return (
        reported("soak: Redis emptied", course.emptied, "times"),
        reported("soak: memory of all processes, last step beside first", last, "MB", baseline=first),
    )


def of_books(simulator: Simulator) -> Sequence[Measure]:
    stores = [store for company in simulator.companies.values() for store in company.stores.values()]
    return (reported("soak: objects in QuickBooks", sum(len(store.records) for store in stores), "objects"),)
