"""The soak: days of many companies in minutes, with people at work in QuickBooks and everything failing now and then.

Real processes (web app, worker, scheduler), real PostgreSQL and Valkey, the simulator over HTTP. Time passes as it does, and between
steps it is moved on by a quarter of an hour, at the day's end by a night. See docs/guide/benchmarks.md for what is measured how.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from redis.asyncio import Redis
from rich.console import Console

from benchmarks.report import Measure, ProofResult, at_most, reported
from benchmarks.rig import open_rig
from benchmarks.soak import judging, measures
from benchmarks.soak.calls import RealTimeCalls
from benchmarks.soak.measures import Course
from benchmarks.soak.people import PeopleAtWork
from benchmarks.soak.stage import Connected, Stage, open_stage
from benchmarks.soak.trouble import Troubles
from benchmarks.soak.watch import Key, Watch
from infra.qbo.asked_jobs import COMPARE, RECONCILE
from infra.sync.timing import IDLE_AFTER
from runway.jobs import CRON, SYNC_DUE_JOB


@dataclass(frozen=True)
class SoakSize:
    """`steps` a day, each `step_seconds` of running time and then `step` in a jump; every other company is idle.

    `nightly_share` of the companies are looked at each night, in turn: all of them take longer than the days do.
    `kill_every` and `empty_every` are steps between two kills of a worker, and two times that Redis forgets all. What a killed
    worker was at is taken up again when its lease is over: as in service, or after `job_lease_seconds`.
    """

    companies: int
    days: int
    steps: int
    step_seconds: float = 4.0
    step: timedelta = timedelta(minutes=15)
    acts: int = 600
    acts_per_second: float = 10.0
    nightly_share: float = 0.25
    workers: int = 2
    kill_every: int = 5
    empty_every: int = 11
    patience_seconds: float = 600.0
    job_lease_seconds: float | None = None

    @property
    def simulated(self) -> timedelta:
        return self.days * timedelta(days=1)


FULL = SoakSize(companies=200, days=2, steps=40)
SAMPLE = SoakSize(
    companies=3, days=1, steps=3, step_seconds=2, acts=60, acts_per_second=4, nightly_share=0, workers=1,
    job_lease_seconds=6, patience_seconds=240,
)  # fmt: skip
_NIGHT_ENDS_AFTER = timedelta(days=1)
_READERS_SHARE = 0.1


async def run(size: SoakSize = FULL, *, seed: int | None = None) -> ProofResult:
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    console = Console(stderr=True)
    console.print(f"soak: seed {seed}, {size}")
    with open_rig() as rig:
        async with open_stage(
            rig,
            companies=size.companies,
            acts=size.acts,
            workers=size.workers,
            job_lease_seconds=size.job_lease_seconds,
            seed=seed,
        ) as stage:
            return await _Soak(stage, size, seed=seed, console=console).run()


class _Soak:
    def __init__(self, stage: Stage, size: SoakSize, *, seed: int, console: Console) -> None:
        self._stage, self._size, self._seed, self._console = stage, size, seed, console
        self._draw = random.Random(f"{seed}:soak")  # noqa: S311 - chooses what happens when
        self._people = PeopleAtWork(stage.simulator, seed=seed)
        self._troubles = Troubles(stage.simulator, seed=seed)
        self._watch = Watch(stage.simulator, database_url=stage.root_url, lost_webhooks=self._troubles.lost_webhooks)
        self._calls = RealTimeCalls(stage.simulator.oracle)
        self._course = Course()
        self._step = 0

    async def run(self) -> ProofResult:
        began = time.monotonic()
        await self._first_reading()
        self._watch.begin({str(one.business_id): one.realm_id for one in self._stage.businesses})
        self._troubles.begin()
        looking = asyncio.create_task(self._watch.keep_looking())
        for day in range(self._size.days):
            for _ in range(self._size.steps):
                await self._one_step()
            await self._night(day)
            looking.done() and looking.result()
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        self._troubles.end()
        return ProofResult("soak", (*await self._judged(), *self._reported(seconds=time.monotonic() - began)))

    async def _until(self, what: str, is_so: Callable[["judging.Root"], bool]) -> None:
        await self._stage.until(what, is_so, seconds=self._size.patience_seconds)

    def _say(self, words: str) -> None:
        self._console.print(f"[dim]{self._stage.clock.now():%a %H:%M:%S}[/dim] {words}")

    async def _first_reading(self) -> None:
        stage = self._stage
        await stage.connect("soak")
        unread = "SELECT count(*) FROM connection c WHERE NOT EXISTS (SELECT FROM sync_state s WHERE s.business_id = c.business_id) OR EXISTS (SELECT FROM sync_state s WHERE s.business_id = c.business_id AND s.last_synced_at IS NULL)"
        await self._until("The first reading", lambda root: root.execute(unread).fetchone() == (0,))
        idle_since = stage.clock.now() - IDLE_AFTER - timedelta(days=1)
        with stage.root() as root:
            for one in stage.businesses[1::2]:
                root.execute("INSERT INTO business_activity VALUES (%s, %s)", [one.business_id, idle_since])
        self._say(f"{len(stage.businesses)} companies are read")

    async def _one_step(self) -> None:
        """Some seconds of everybody's work, then a quarter of an hour in which nobody does anything."""
        self._step += 1
        stage, size = self._stage, self._size
        self._troubles.burst()
        if self._step % size.kill_every == 1:
            self._say(f"killed {stage.machinery.kill()}")
        if self._step % size.empty_every == 2:
            async with Redis.from_url(stage.rig.addresses.redis_url) as redis:
                await redis.flushall()
            self._course.emptied += 1
        readers = asyncio.create_task(self._read())
        ends = time.monotonic() + size.step_seconds
        while time.monotonic() < ends:
            self._people.act()
            await asyncio.sleep(self._draw.expovariate(size.acts_per_second))
        await readers
        self._collect_announcements()
        self._course.lost_grants += await stage.reconnect()
        self._course.megabytes.append(stage.machinery.megabytes())
        stage.machinery.check()
        stage.clock.move(size.step)
        await stage.ask(SYNC_DUE_JOB)  # as the schedule did in the meantime

    async def _night(self, day: int) -> None:
        """The clock goes on to the next morning; the night's work is done by then."""
        stage, size = self._stage, self._size
        stage.clock.move(_NIGHT_ENDS_AFTER - size.steps * size.step)
        await stage.ask(SYNC_DUE_JOB)
        if size.nightly_share:
            nights = round(1 / size.nightly_share)
            await stage.ask(RECONCILE, *(one.business_id for one in stage.businesses[day % nights :: nights]))
            await self._until_idle(f"Night {day + 1}'s work")

    async def _until_idle(self, what: str) -> None:
        scheduled = [entry.job for entry in CRON]
        await self._until(what, lambda root: judging.due_jobs(root, without=scheduled) == 0)
        self._say(f"{what} is done")

    async def _read(self) -> None:
        """Some people look at their bills."""
        stage = self._stage
        count = max(1, round(_READERS_SHARE * len(stage.businesses)))
        readers = self._draw.sample(stage.businesses[::2], min(count, len(stage.businesses[::2])))
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            await asyncio.gather(*(self._read_one(http, one) for one in readers))

    async def _read_one(self, http: httpx.AsyncClient, one: Connected) -> None:
        began = time.monotonic()
        answer = await http.get(
            f"{self._stage.machinery.url}/api/v1/bills?limit=50", headers={"Authorization": f"Bearer {one.token}"}
        )
        self._course.reads.append(time.monotonic() - began)
        self._course.refused_reads += not answer.is_success

    def _collect_announcements(self) -> None:
        """Each attempt, answered or not: one whose answer came too late may have been stored."""
        business_of = {one.realm_id: str(one.business_id) for one in self._stage.businesses}
        for seen in self._stage.simulator.oracle.notifications:
            if seen.nth > self._course.last_notification:
                self._course.announced[business_of[seen.realm_id]].append(datetime.fromisoformat(seen.at))
                self._course.last_notification = seen.nth

    async def _judged(self) -> Sequence[Measure]:
        """All is quiet: webhooks come to their end, the schedule comes round, a night's look, a full comparison."""
        stage = self._stage
        await self._until("The last webhook", lambda _root: self._is_all_announced())
        self._collect_announcements()
        await self._until_idle("The queue")
        await self._catch_up()
        left_by_refreshes = await self._watch.look()
        self._say(f"refreshes leave {dict(Counter(entity for _, entity, _ in left_by_refreshes))}")
        never_arrived = self._watch.waiting
        await self._night(self._size.days)
        left_by_night = await self._watch.look()
        await stage.ask(COMPARE, *(one.business_id for one in stage.businesses))
        await self._until_idle("The comparison")
        differing = await self._watch.look()
        for key in sorted(differing)[:10]:
            self._say(f"differs still: {key}")
        verified = await self._verify_log()
        with stage.root() as root:
            return (
                at_most("soak: objects that differ once all is quiet", len(differing), "objects", bar=0),
                reported("soak: … before the night's look", len(left_by_refreshes), "objects"),
                reported("soak: … before the full comparison", len(left_by_night), "objects"),
                at_most("soak: announced changes never mirrored", never_arrived, "changes", bar=0),
                *self._drift(left_by_refreshes, root),
                *measures.of_limits(stage.simulator, self._calls),
                *self._refreshes(root),
                at_most(
                    "soak: versions and log rows without each other", judging.incomplete_versions(root), "rows", bar=0
                ),
                at_most("soak: exit code of `oodaloo log verify`", verified, "code", bar=0),
                *self._leftovers(root),
            )

    def _is_all_announced(self) -> bool:
        subscribers = self._stage.simulator.webhooks.describe()
        return not any(subscriber["waiting"] or subscriber["attempts"] for subscriber in subscribers)

    async def _catch_up(self) -> None:
        """Everybody's time comes, the idle ones' too."""
        stage = self._stage
        self._course.lost_grants += await stage.reconnect()
        quiet_since = stage.clock.now()
        stage.clock.move(timedelta(hours=2))
        await stage.ask(SYNC_DUE_JOB)
        behind = "SELECT count(*) FROM sync_state WHERE last_synced_at < %s"
        await self._until("The last refresh", lambda root: root.execute(behind, [quiet_since]).fetchone() == (0,))
        await self._until_idle("What the last refresh asked for")

    async def _verify_log(self) -> int:
        """The sealer may be some seconds behind."""
        for _ in range(10):
            done = await asyncio.to_thread(self._stage.machinery.run, "log", "verify", "--json")
            if done.returncode == 0:
                break
            await asyncio.sleep(2)
        else:
            self._say(f"log verify: {done.stdout[-2000:]} {done.stderr[-500:]}")
        return done.returncode

    def _refreshes(self, root: "judging.Root") -> Sequence[Measure]:
        found = judging.judge_refreshes(root, self._course.announced, running=self._stage.clock.without_moves)
        for words in found.uncalled[:10]:
            self._say(f"uncalled: {words}")
        return (
            at_most(
                "soak: refreshes per stale period", round(found.count / max(1, found.periods), 4), "refreshes", bar=1
            ),
            at_most("soak: refreshes of a company at the same time", found.overlapping, "refreshes", bar=0),
            reported("soak: refreshes", found.count, "refreshes"),
        )

    def _drift(self, left: set[Key], root: "judging.Root") -> Sequence[Measure]:
        business_of = {one.realm_id: str(one.business_id) for one in self._stage.businesses}
        unnoticed = judging.unnoticed(root, left, business_of=business_of)
        for key in sorted(unnoticed)[:10]:
            self._say(f"nobody noticed: {key}")
        for seconds, key in self._watch.seen.late_arrivals:
            self._say(f"{seconds:.1f} s: {key}")
        return measures.of_drift(self._watch.seen, unnoticed=len(unnoticed))

    def _leftovers(self, root: "judging.Root") -> Sequence[Measure]:
        _, dead = judging.open_jobs(root)
        bugs = judging.bugs_in(self._stage.machinery.logs())
        for words in (*dead[:5], *bugs[:5]):
            self._say(words)
        return (
            *measures.of_losses(self._course, kills=self._stage.machinery.kills, dead=len(dead), bugs=len(bugs)),
            *measures.of_causes(judging.drift_by_cause(root)),
        )

    def _reported(self, *, seconds: float) -> Sequence[Measure]:
        return (
            *measures.of_people(self._people),
            *measures.of_troubles(self._troubles.applied),
            reported("soak: workers killed", self._stage.machinery.kills, "times"),
            *measures.of_course(self._course),
            *measures.of_books(self._stage.simulator),
            reported("soak: companies", self._size.companies, "companies"),
            reported("soak: simulated time", (self._size.simulated.total_seconds()) / 86_400, "days"),
            reported("soak: looks", self._watch.seen.looks, "looks"),
            reported("soak: seed", self._seed, "seed"),
            reported("soak: time", seconds, "s"),
        )
