"""Random histories of paying bills, everything failing: one payment or none, as the people were told, and nobody waits for ever."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from benchmarks.proofs.payments.hours import HERE
from benchmarks.proofs.payments.judge import FIVE_MINUTES, Verdict, judge
from benchmarks.proofs.payments.plan import ANY, Kind, Plan, draw_plan
from benchmarks.proofs.payments.story import play
from benchmarks.proofs.payments.town import Lane, Machines, open_machines
from infra.embedded.servers import ServerAddresses

_SUMMED = (
    "histories", "duplicates", "lost", "stuck", "wrongly_told", "disallowed", "broken", "differing", "broken_histories", "counts", "seconds",
)  # fmt: skip


@dataclass
class Outcome:
    """Of many histories together. `wrong`: the seeds of those that were not right, with what was wrong."""

    histories: int = 0
    duplicates: int = 0
    lost: int = 0
    stuck: int = 0
    wrongly_told: int = 0
    disallowed: int = 0
    broken: int = 0
    differing: int = 0
    broken_histories: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: dict[int, list[str]] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        self.histories += 1
        self.duplicates += len(verdict.duplicates)
        self.lost += len(verdict.lost)
        self.stuck += len(verdict.stuck)
        self.wrongly_told += len(verdict.wrongly_told)
        self.disallowed += len(verdict.disallowed)
        self.broken += len(verdict.broken)
        self.counts += verdict.counts
        self.seconds += verdict.seconds
        if verdict.wrongs:
            self.wrong[verdict.seed] = verdict.wrongs

    @classmethod
    def of_all(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        whole = cls()
        for each in outcomes:
            for name in _SUMMED:
                setattr(whole, name, getattr(whole, name) + getattr(each, name))
            whole.wrong |= each.wrong
        return whole

    @property
    def share_in_time(self) -> float:
        return sum(each <= FIVE_MINUTES for each in self.seconds) / max(1, len(self.seconds))


async def prove(
    addresses: ServerAddresses,
    *,
    home: Path,
    seeds: Iterable[int],
    lanes: int,
    kind: Kind = ANY,
    told: Callable[[int], object] = lambda _: None,
) -> Outcome:
    """Play a history of each seed, `lanes` at a time, and compare mirrors and logs with the books at the end."""
    async with open_machines(addresses, home=home, lanes=lanes) as machines:
        return await play_and_compare(machines, seeds, kind=kind, told=told)


async def play_and_compare(
    machines: Machines, seeds: Iterable[int], *, kind: Kind = ANY, told: Callable[[int], object] = lambda _: None
) -> Outcome:
    outcome = await play_in(machines, seeds, kind=kind, told=told)
    for lane in machines.lanes:
        await _compare(lane, outcome)
    return outcome


async def play_in(
    machines: Machines,
    seeds: Iterable[int],
    *,
    kind: Kind = ANY,
    told: Callable[[int], object] = lambda _: None,
    stop_at: Callable[[Outcome], bool] = lambda _: False,
) -> Outcome:
    """In every lane one after the other, until `stop_at` has seen enough."""
    outcome, left, salt = Outcome(), iter(seeds), uuid4().hex

    def draw(seed: int) -> Plan:
        return replace(draw_plan(seed, kind), salt=salt)

    async with asyncio.TaskGroup() as group:
        for lane in machines.lanes:
            group.create_task(_play_all(lane, left, draw=draw, outcome=outcome, told=told, stop_at=stop_at))
    return outcome


async def _play_all(
    lane: Lane,
    seeds: Iterator[int],
    *,
    draw: Callable[[int], Plan],
    outcome: Outcome,
    told: Callable[[int], object],
    stop_at: Callable[[Outcome], bool],
) -> None:
    HERE.set(lane.time)
    for seed in seeds:
        ending = await play(lane, draw(seed))
        outcome.add(await judge(lane, ending))
        told(outcome.histories)
        if stop_at(outcome):
            return


async def _compare(lane: Lane, outcome: Outcome) -> None:
    """Once more read what changed: then mirror and books are equal, and each version has its one log row."""
    HERE.set(lane.time)
    await lane.company.sync()
    outcome.differing += len(await lane.company.differing())
    outcome.broken_histories += await lane.company.broken_histories()
