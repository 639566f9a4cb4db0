"""Workers killed with SIGKILL at random instants of a first reading and of an incremental sync: nothing is lost, nothing doubled.

The real processes: `oodaloo worker` and the worker of each queue. What a minute of waiting would do, the end of a lease,
is done by moving it.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
from redis.asyncio import Redis
from sqlalchemy import select, text

from benchmarks.companies import TOKENS, ConnectedCompany, Town, open_town
from benchmarks.proofs.seeds import told_seed
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from benchmarks.sessions import stop_session
from infra.clock import SystemClock
from infra.embedded.servers import ServerAddresses
from infra.jobs import outbox
from infra.jobs.outbox import OutboxRow
from infra.jobs.sweeper import ring_due
from infra.parent import end_with_parent
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.webhooks.events import Event, cloud_body, sign
from infra.qbo.webhooks import SIGNATURE_HEADER
from runway.orchestrators.qbo_webhooks import WEBHOOKS_JOB

_PATIENCE_SECONDS = 75.0
_LATENCY_MS = 40.0
_EDITS = 60


class Stuck(Exception):
    """A job that did not come to its end."""


@dataclass
class Killing:
    kills: Counter[str] = field(default_factory=Counter)  # by the job that was under way
    missed: int = 0
    emptied: int = 0
    differing: int = 0
    broken_histories: int = 0
    most_attempts: int = 0
    backfill_calls: int = 0
    whole_calls: int = 0

    @property
    def extra_calls(self) -> float:
        return self.backfill_calls / max(1, self.whole_calls)


async def run(*, kills: int, seed: int | None = None) -> ProofResult:
    """The proof at full size: half of the kills in first readings, half in incremental syncs. `seed`: a fresh one unless it is given."""
    seed = told_seed("killed_workers", seed)
    with open_shown_rig("Killed workers", total=kills) as (rig, told):
        killing = await prove(rig.addresses, home=rig.home, kills=kills, seed=seed, told=told)
    measures = (*measures_of(killing, kills=kills), reported("killed_workers: seed", seed, "seed"))
    return ProofResult("killed_workers", measures)


def measures_of(killing: Killing, *, kills: int) -> tuple[Measure, ...]:
    return (
        at_least("workers killed in a first reading", killing.kills[BACKFILL], "kills", bar=kills // 2),
        at_least("workers killed in an incremental sync", killing.kills[WEBHOOKS_JOB], "kills", bar=kills // 2),
        at_most("objects that differ from the books", killing.differing, "objects", bar=0),
        at_most("objects with a version lost or doubled", killing.broken_histories, "objects", bar=0),
        at_most("attempts of one job", killing.most_attempts, "attempts", bar=3),
        reported("jobs that ended before the blow", killing.missed, "jobs"),
        reported("times that Redis was emptied besides", killing.emptied, "times"),
        reported("calls of the killed first readings, of an undisturbed one's", round(killing.extra_calls, 2), "times"),
    )


async def prove(
    addresses: ServerAddresses,
    *,
    home: Path,
    kills: int,
    seed: int,
    patience_seconds: float = _PATIENCE_SECONDS,
    told: Callable[[int], object] = lambda _: None,
) -> Killing:
    """Kill until each of both was done half as often; a blow that came too late is dealt again on another company."""
    size = LargeCompany(bills=400, invoices=300, vendors=10, customers=10, months=6)
    file = generate_large(size, today=SystemClock().now().date())
    killing, draw = Killing(), random.Random(seed)  # noqa: S311  # a schedule, not a secret
    count = kills // 2 + 2 + kills // 5
    async with open_town(addresses, home=home, files=[file] * count, latency_ms=_LATENCY_MS) as town:
        first, *others = town.companies
        await first.sync()
        whole = _calls(town, first)
        with _running_worker(town) as worker:
            stage = _Stage(town, worker, killing, draw, addresses.redis_url, patience_seconds)
            for company in others:
                if min(killing.kills[BACKFILL], killing.kills[WEBHOOKS_JOB]) >= kills // 2:
                    break
                await stage.kill_in_backfill(company, whole_calls=whole)
                await stage.kill_in_refresh(company)
                told(min(kills, killing.kills.total()))
        for company in town.companies:
            async with town.services.uow([company.business_id]) as uow:
                begun = (await uow.session.execute(text("SELECT count(*) FROM sync_state"))).scalar_one()
            if begun:
                killing.differing += len(await company.differing())
                killing.broken_histories += await company.broken_histories()
    return killing


@dataclass(frozen=True)
class _Stage:
    town: Town
    worker: psutil.Process
    killing: Killing
    draw: random.Random
    redis_url: str
    patience_seconds: float

    async def kill_in_backfill(self, company: ConnectedCompany, *, whole_calls: int) -> None:
        """After some of its calls, and a little more."""
        async with self.town.services.jobs_uow([]) as uow:
            asked = await outbox.ask_once(
                uow.session,
                BACKFILL,
                str(company.business_id),
                key="proof",
                queue="bulk",
                business_id=company.business_id,
            )
            uow.ring_for(asked)
        after = _calls(self.town, company) + self.draw.randrange(1, max(2, whole_calls))
        await self._until(lambda: _calls(self.town, company) >= after, company, BACKFILL)
        await self._blow_and_heal(company, BACKFILL, within_seconds=0.05)
        self.killing.backfill_calls += _calls(self.town, company)
        self.killing.whole_calls += whole_calls

    async def kill_in_refresh(self, company: ConnectedCompany) -> None:
        """Somebody edits, Intuit tells, and the job that brings it in is killed somewhere between its claim and its end."""
        events = []
        for _ in range(_EDITS):
            entity = self.draw.choice(("Bill", "Invoice", "Vendor"))
            record = self.town.simulator.other_users.edit_one(company.company, entity)
            if record is not None:
                at = self.town.simulator.clock.now().timestamp()
                identifier = UUID(int=self.draw.getrandbits(128))
                events.append(Event(identifier, company.company.realm_id, entity, record.id, "Update", at))
        body = cloud_body(events, source="intuit.x")
        before = _calls(self.town, company)
        answer = await self.town.http.post(
            "/api/v1/webhooks/qbo", content=body, headers={SIGNATURE_HEADER: sign(body, TOKENS[0])}
        )
        answer.raise_for_status()
        await self._until_claimed(company, WEBHOOKS_JOB)
        if self.draw.random() < 0.5:
            await self._until(lambda: _calls(self.town, company) > before, company, WEBHOOKS_JOB)
        await self._blow_and_heal(company, WEBHOOKS_JOB, within_seconds=0.15)

    async def _blow_and_heal(self, company: ConnectedCompany, job: str, *, within_seconds: float) -> None:
        await asyncio.sleep(self.draw.random() * within_seconds)
        row = await self._latest(company, job)
        _kill_each(self.worker)
        if row.finished_at is None:
            self.killing.kills[job] += 1
        else:
            self.killing.missed += 1
        if self.draw.random() < 0.2:
            self.killing.emptied += 1
            async with Redis.from_url(self.redis_url) as redis:
                await redis.flushdb()
        await self._let_leases_end(company)
        await self._until_done(company, job)

    async def _let_leases_end(self, company: ConnectedCompany) -> None:
        """A minute later. Those of the dead alone: nobody else works on this company."""
        past = "leased_until = clock_timestamp() - interval '1 second'"
        values = {"id": company.business_id}
        async with self.town.services.jobs_uow([]) as uow:
            ended = (
                f"UPDATE outbox SET {past} WHERE business_id = :id AND leased_until IS NOT NULL AND finished_at IS NULL"  # noqa: S608  # our own words
            )
            await uow.session.execute(text(ended), values)
        async with self.town.services.uow([company.business_id]) as uow:
            ended = f"UPDATE refresh_lease SET {past} WHERE business_id = :id AND finished_at IS NULL"  # noqa: S608  # the same
            await uow.session.execute(text(ended), values)

    async def _until(self, happened: Callable[[], bool], company: ConnectedCompany, job: str) -> None:
        """Or until the job ended, which was too quick for the blow."""
        deadline = time.monotonic() + self.patience_seconds
        looked = 0.0
        while not happened():
            if time.monotonic() - looked > 0.2:
                looked = time.monotonic()
                if (await self._latest(company, job)).finished_at is not None:
                    return
                await ring_due(self.town.services.jobs_uow, self.town.services.doorbell)
            if time.monotonic() > deadline:
                raise Stuck(job)
            await asyncio.sleep(0.003)

    async def _until_claimed(self, company: ConnectedCompany, job: str) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while (row := await self._latest(company, job)).leased_until is None and row.finished_at is None:
            await ring_due(self.town.services.jobs_uow, self.town.services.doorbell)
            if time.monotonic() > deadline:
                raise Stuck(job)
            await asyncio.sleep(0.01)

    async def _until_done(self, company: ConnectedCompany, job: str) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while (row := await self._latest(company, job)).finished_at is None:
            await ring_due(self.town.services.jobs_uow, self.town.services.doorbell)
            if time.monotonic() > deadline or row.dead_at is not None:
                shown = (row.id, row.attempts, row.leased_until, row.due_at, row.dead_at, row.last_error)
                raise Stuck(f"{job}: {shown}")
            await asyncio.sleep(0.1)
        self.killing.most_attempts = max(self.killing.most_attempts, row.attempts)

    async def _latest(self, company: ConnectedCompany, job: str) -> OutboxRow:
        async with self.town.services.jobs_uow([]) as uow:
            query = select(OutboxRow).where(OutboxRow.business_id == company.business_id, OutboxRow.job == job)
            return (await uow.session.scalars(query.order_by(OutboxRow.id.desc()).limit(1))).one()


def _calls(town: Town, company: ConnectedCompany) -> int:
    return sum(town.simulator.requests[company.company.realm_id].values())


def _kill_each(worker: psutil.Process) -> None:
    """The worker of each queue, whoever of them is at work; the supervisor starts all of them anew."""
    for of_queue in worker.children():
        with suppress(psutil.NoSuchProcess):
            of_queue.kill()


@contextmanager
def _running_worker(town: Town) -> Iterator[psutil.Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", "runway.cli", "worker"],
        env=os.environ | town.environment | {"OODALOO_LOG_LEVEL": "WARNING"},
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - nothing but one call of the kernel
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        stop_session(process)
