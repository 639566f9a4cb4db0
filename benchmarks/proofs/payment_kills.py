"""Processes killed with SIGKILL at named points of a payment's way, a few moments each; and the servers beneath them: every payment that
was accepted is settled exactly once, by QuickBooks' own books, within seconds.

The real processes: web app, worker, scheduler; the simulator, a process of its own. Actions run at a tenth of
their durations (`ActionTiming`: a lease is 12 s); the lease of a job is as in service, 15 s, and so are sweeps and limits.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from uuid import UUID

from rich.progress import Progress

from benchmarks.paying.asking import Client
from benchmarks.paying.judge import Verdict, intents_of, judge
from benchmarks.paying.own_servers import OwnServers
from benchmarks.paying.plant import free_port
from benchmarks.paying.process import JOB_LEASE_VARIABLE
from benchmarks.paying.strikes import ARMED_VARIABLE, Strikes
from benchmarks.paying.town import OpenBill, PayingCompany, PayingTown, approve_nothing, open_paying_town
from benchmarks.proofs.payment_kill_points import KINDS, Moment, Round, rounds
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from infra.actions.states import SETTLED
from infra.actions.workshop import QUEUE, SWEEP_JOB
from infra.crash_points import VARIABLE
from infra.embedded.servers import ServerAddresses
from infra.jobs import outbox
from infra.qbo.simulator.files.large_company import LargeCompany

_PACE = 0.1
_SETTLED = {state.value for state in SETTLED}
_STRUCK_WITHIN_SECONDS = 12.0
_PATIENCE_SECONDS = 36.0
_SETTLED_WITHIN_SECONDS = 120.0
_WEB_ASKS = 25
# What a tenth of the durations brings so much closer together is more than QuickBooks' limits for one company, which are as they are.
_COMPANIES = 6


@dataclass
class Killing:
    """`recovered`: what was done, and the seconds until the last payment was settled: from the last blow, or from its asking after that."""

    struck: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    recovered: list[tuple[str, float]] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def slowest(self) -> tuple[str, float]:
        return max(self.recovered, key=lambda one: one[1])


async def run() -> ProofResult:
    """The proof at full size."""
    work = list(rounds())
    with OwnServers.opened() as servers, Progress() as progress:
        task = progress.add_task("Payments and kills", total=len(work))

        def say(done: str) -> None:
            progress.console.print(done)
            progress.advance(task)

        killing = await prove(
            servers.addresses, home=servers.home, work=work, servers=servers, seed=1, companies=_COMPANIES, say=say
        )
    return ProofResult("payment_kills", measures_of(killing, points=30, kills=90))


def measures_of(killing: Killing, *, points: int, kills: int) -> tuple[Measure, ...]:
    verdict, (slowest, seconds) = killing.verdict, killing.slowest
    return (
        at_least("named points at which a process died", len(set(killing.struck)), "points", bar=points),
        at_least("processes killed at them", len(killing.struck), "kills", bar=kills),
        at_least("payments accepted", verdict.payments, "payments", bar=1),
        at_most("recorded twice", len(verdict.doubled), "payments", bar=0),
        at_most("accepted and lost", len(verdict.lost), "payments", bar=0),
        at_most(
            "told otherwise than the books are", len(verdict.wrongly_told) + len(verdict.strangers), "payments", bar=0
        ),
        at_most("left unsettled", len(verdict.unsettled), "payments", bar=0),
        at_most(f"longest until all was settled ({slowest})", round(seconds, 1), "s", bar=30),
        reported("blows that nobody came to", len(killing.missed), "kills"),
    )


async def prove(
    addresses: ServerAddresses,
    *,
    home: Path,
    work: Sequence[Round],
    seed: int,
    companies: int = 1,
    servers: OwnServers | None = None,
    pace: float = _PACE,
    job_lease_seconds: float | None = None,
    patience_seconds: float = _PATIENCE_SECONDS,
    say: Callable[[str], object] = lambda _: None,
) -> Killing:
    """The payments are of `companies` in turns; `servers`, where they are ours to kill. `patience_seconds`: how long each blow may wait for somebody to come to its point."""
    moments = sum(len(one.moments) for one in work)
    size = LargeCompany(bills=ceil((3 * moments + 60) / companies), vendors=60, months=2, paid_share=0)
    killing = Killing()
    async with open_paying_town(addresses, home=home, companies=companies, size=size, pace=pace) as town:
        strikes = Strikes(home / "strikes")
        town.plant.environment[ARMED_VARIABLE] = str(strikes.directory)
        if job_lease_seconds is not None:
            town.plant.environment[JOB_LEASE_VARIABLE] = str(job_lease_seconds)
        await town.start_web()
        town.plant.start("worker", "worker")
        town.plant.start("scheduler", "scheduler")
        await approve_nothing(town)
        client = Client(town)
        draw = random.Random(seed)  # noqa: S311 - a schedule
        bills = [
            (company, bill)
            for bills in zip(*(one.bills for one in town.companies), strict=True)
            for company, bill in zip(town.companies, bills, strict=True)
        ]
        stage = _Stage(town, client, strikes, killing, draw, bills, patience_seconds)
        for one in work:
            await stage.play(one)
            say(f"{one.name}: {killing.recovered[-1][1]:.1f} s")
        if servers is not None:
            for name, blow in stage.server_blows(servers).items():
                await stage.strike_servers(name, blow)
                say(f"{name}: {killing.recovered[-1][1]:.1f} s")
        killing.verdict = await judge(town, town.companies, told=client.told)
    return killing


@dataclass
class _Stage:
    town: PayingTown
    client: Client
    strikes: Strikes
    killing: Killing
    draw: random.Random
    bills: list[tuple[PayingCompany, OpenBill]]
    patience_seconds: float

    async def play(self, one: Round) -> None:
        """The round's moments one after the other, then peace until all is settled."""
        await self.town.trouble(*KINDS[one.kind])
        last = time.time()
        for moment in one.moments:
            struck_at = await (self._in_web(moment) if one.is_web else self._in_worker(moment, kind=one.kind))
            last = struck_at or last
        await self._settled(one.name, since=last)
        await self.town.trouble()

    async def _in_worker(self, moment: Moment, *, kind: str) -> float | None:
        bills = [self.bills.pop() for _ in range(moment.payments)]
        if kind == "refused":
            for company, bill in bills:
                await self.town.pay_elsewhere(company, bill)
        before = len(self.strikes.noted())
        for point in moment.before:
            self.strikes.arm(point)
            await asyncio.gather(*(self.client.pay(*owed) for owed in bills))
            bills = []
            await self._until_struck(before, point)
            before = len(self.strikes.noted())
        self.strikes.arm(moment.point, moment.nth)
        await asyncio.gather(*(self.client.pay(*owed) for owed in bills))
        if kind == "swept":
            await self._ask_for_sweep()
        return await self._until_struck(before, moment.point)

    async def _until_struck(self, before: int, point: str) -> float | None:
        deadline, lowered = time.monotonic() + self.patience_seconds, time.monotonic() + _STRUCK_WITHIN_SECONDS
        while time.monotonic() < deadline:
            noted = self.strikes.noted()
            if len(noted) > before:
                self.killing.struck.append(noted[-1].point)
                return noted[-1].at
            if time.monotonic() > lowered:
                self.strikes.arm(point)  # two never met in one process: the next who comes
                lowered = deadline
            await asyncio.sleep(0.05)
        self.strikes.disarm()
        self.killing.missed.append(point)
        return None

    async def _in_web(self, moment: Moment) -> float | None:
        """A second web process, armed by the variable; what it does not live to answer is asked of the first."""
        port = free_port()
        name, url = f"web-{port}", f"http://127.0.0.1:{port}"
        await self.town.start_web(name, port=port, **{VARIABLE: f"{moment.point}:{moment.nth}"})
        for _ in range(_WEB_ASKS):
            company, bill = self.bills.pop()
            if moment.point.startswith("cancel"):
                held = await self.client.pay(company, bill, execute=False)
                await self.client.cancel(company, held, first_at=url)
            else:
                await self.client.pay(company, bill, first_at=url)
            if self.town.plant.has_ended(name):
                self.killing.struck.append(moment.point)
                return time.time()
        self.town.plant.stop(name)
        self.killing.missed.append(moment.point)
        return None

    async def _ask_for_sweep(self) -> None:
        async with self.town.services.jobs_uow([]) as uow:
            uow.ring_for(await outbox.ask_once(uow.session, SWEEP_JOB, key="cron", queue=QUEUE))

    async def _settled(self, name: str, *, since: float) -> None:
        deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS
        while time.monotonic() < deadline:
            intents = [one for company in self.town.companies for one in await intents_of(self.town, company)]
            if all(one.state in _SETTLED for one in intents):
                took = [
                    one.settled_at.timestamp() - max(since, one.created_at.timestamp())
                    for one in intents
                    if one.settled_at is not None
                ]
                self.killing.recovered.append((name, max(0.0, *took)))
                return
            await asyncio.sleep(0.25)
        self.killing.recovered.append((name, _SETTLED_WITHIN_SECONDS))

    async def strike_servers(self, name: str, blow: Callable[[], Awaitable[None]]) -> None:
        """Payments are asked for all the time; the blow falls among them."""
        async with self._people_paying():
            await asyncio.sleep(0.5 + self.draw.random())
            await blow()
            struck_at = time.time()
        await self._settled(name, since=struck_at)

    @asynccontextmanager
    async def _people_paying(self) -> AsyncIterator[None]:
        async def pay_some() -> list[UUID]:
            return [await self.client.pay(*self.bills.pop()) for _ in range(2)]

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(pay_some())
            yield

    def server_blows(self, servers: OwnServers) -> dict[str, Callable[[], Awaitable[None]]]:
        plant = self.town.plant

        async def worker() -> None:
            plant.kill("worker")
            plant.start("worker", "worker")

        async def scheduler() -> None:
            plant.kill("scheduler")
            await asyncio.sleep(1)
            plant.start("scheduler", "scheduler")

        async def redis() -> None:
            await asyncio.to_thread(servers.kill_redis)

        async def flush() -> None:
            await self.town.services.redis.flushall()

        async def postgres() -> None:
            await asyncio.to_thread(servers.stop_postgres_at_once)

        async def web() -> None:
            plant.kill("web")
            await self.town.start_web()

        return {
            "worker and all its processes killed": worker,
            "scheduler killed": scheduler,
            "web app killed": web,
            "Redis killed": redis,
            "Redis emptied": flush,
            "PostgreSQL stopped at once": postgres,
        }
