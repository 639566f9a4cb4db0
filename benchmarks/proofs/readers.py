"""A thousand readers at once, over several processes: of a stale mirror they cost one refresh, of a fresh one no call at all, and
of one that QuickBooks leaves hanging nobody waits past the budget of his kind.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE

from sqlalchemy import text

from benchmarks.companies import ConnectedCompany, Town, open_town
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_rig
from infra.clock import SystemClock
from infra.embedded.servers import ServerAddresses
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.trouble.background import add_trouble
from infra.qbo.simulator.trouble.rules import read_rules
from infra.sync.freshness import FreshnessNeed, SyncStrategy

WAITED = "readers: longest beyond the budget, QuickBooks hanging, "
_SIZE = LargeCompany(bills=60, invoices=20, vendors=5, customers=5, months=3)
_PROCESSES = 4
_SLACK_SECONDS, _UNEVEN = 0.5, 1.5  # the same thousand take now more, now less
_FIRST_CALLS = 20  # read by each process beforehand: connections and plans


@dataclass(frozen=True)
class Seen:
    """What all readers of one round saw, and what QuickBooks did."""

    longest: float
    ended: Counter[str]
    calls_spent: int
    calls: int
    refreshes: int


async def run(readers: int, *, strategies: Sequence[SyncStrategy] = tuple(SyncStrategy)[:3]) -> ProofResult:
    with open_rig() as rig:
        return await prove(rig.addresses, home=rig.home, readers=readers, strategies=strategies)


async def prove(
    addresses: ServerAddresses,
    *,
    home: Path,
    readers: int,
    strategies: Sequence[SyncStrategy],
    processes: int = _PROCESSES,
) -> ProofResult:
    file = generate_large(_SIZE, today=SystemClock().now().date())
    async with open_town(addresses, home=home, files=[file], latency_ms=50) as town:
        [company] = town.companies
        await company.sync()
        async with _open_crowd(town, company, readers=readers, processes=processes) as crowd:
            await crowd.ask(SyncStrategy.ON_DEMAND, readers=_FIRST_CALLS * processes)
            await crowd.let_it_age()
            stale = await crowd.ask(SyncStrategy.ON_DEMAND)
            fresh = await crowd.ask(SyncStrategy.ON_DEMAND)
            await crowd.let_it_age()
            patient = await crowd.ask(SyncStrategy.PAGE)
            # Nobody waited for this refresh: were it to end later, the next round's readers would share it. One reader a process
            # who takes nothing begun before ends behind all that is under way.
            await crowd.ask(SyncStrategy.LIVE, readers=processes)
            add_trouble(town.simulator, read_rules({"effect": {"do": "silence"}}, source="proof"))
            hanging = {}
            for strategy in strategies:
                await crowd.let_it_age()
                hanging[strategy] = await crowd.ask(strategy)
            town.simulator.trouble.remove()
    measures = _measures(readers, stale=stale, fresh=fresh, patient=patient, hanging=hanging)
    return ProofResult("readers", (reported("readers: at once", readers, f"over {processes} processes"), *measures))


def _measures(
    readers: int, *, stale: Seen, fresh: Seen, patient: Seen, hanging: dict[SyncStrategy, Seen]
) -> list[Measure]:
    measures = [
        at_most("readers: refreshes of a stale mirror", stale.refreshes, "refreshes", bar=1),
        at_most("readers: calls for a stale mirror", stale.calls, "calls", bar=1),
        reported("readers: … who had it fresh within 2 s", stale.ended["fresh"], "readers"),
        at_least("readers: … who had an answer", stale.ended["fresh"] + stale.ended["stale"], "readers", bar=readers),
        at_most("readers: … who were told of a call", stale.calls_spent, "calls", bar=1),
        at_most("readers: calls for a fresh mirror", fresh.calls, "calls", bar=0),
        reported("readers: longest read, stale", stale.longest, "s"),
        reported("readers: longest read, fresh", fresh.longest, "s"),
        reported("readers: longest read, stale, of those who do not wait", patient.longest, "s"),
    ]
    for strategy, seen in hanging.items():
        budget = FreshnessNeed(strategy).wait.total_seconds()
        longest = f"readers: longest read, QuickBooks hanging, {strategy.value}"
        measures.append(reported(longest, seen.longest, f"s, budget {budget:g} s"))
        # Beside as many who do not wait, while QuickBooks was well: so many at once wait for one another's turn.
        beyond = max(0.0, round(seen.longest - budget - _UNEVEN * patient.longest, 3))
        measures.append(at_most(f"{WAITED}{strategy.value} ({budget:g} s)", beyond, "s", bar=_SLACK_SECONDS))
        told = seen.ended["refused" if strategy is SyncStrategy.LIVE else "stale"]
        measures.append(at_least(f"readers: … told that it is not, {strategy.value}", told, "readers", bar=readers))
    return measures


class Crowd:
    def __init__(self, town: Town, company: ConnectedCompany, processes: Sequence[Process], *, readers: int) -> None:
        self._town, self._company, self._processes, self._readers = town, company, processes, readers
        self._hours_old = 0

    async def let_it_age(self) -> None:
        """As if nobody had looked at QuickBooks for an hour, and no attempt had just failed.

        Each time an hour older than before: whoever still waits would take a newer instant for a refresh that has just ended.
        """
        company = self._company
        self._hours_old += 1
        async with company.services.uow([company.business_id]) as uow:
            await uow.session.execute(
                text("UPDATE sync_state SET last_synced_at = :then"),
                {"then": SystemClock().now() - timedelta(hours=self._hours_old)},
            )
            await uow.session.execute(text("UPDATE refresh_lease SET failures = 0, next_attempt_at = NULL"))

    async def ask(self, strategy: SyncStrategy, *, readers: int | None = None) -> Seen:
        """All read at once."""
        calls, refreshes = self._calls(), await self._refreshes()
        each = (readers or self._readers) // len(self._processes)
        line = json.dumps({"strategy": strategy.value, "readers": each}).encode() + b"\n"
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(line)
        answers = [json.loads(await _line_of(process)) for process in self._processes]
        return Seen(
            longest=max(answer["longest"] for answer in answers),
            ended=sum((Counter(answer["ended"]) for answer in answers), Counter()),
            calls_spent=sum(answer["calls_spent"] for answer in answers),
            calls=self._calls() - calls,
            refreshes=await self._refreshes() - refreshes,
        )

    def _calls(self) -> int:
        return sum(self._town.simulator.requests[self._company.company.realm_id].values())

    async def _refreshes(self) -> int:
        company = self._company
        async with company.services.uow([company.business_id]) as uow:
            query = text("SELECT count(*) FROM sync_run WHERE kind = 'incremental'")
            count: int = (await uow.session.execute(query)).scalar_one()
        return count


@asynccontextmanager
async def _open_crowd(town: Town, company: ConnectedCompany, *, readers: int, processes: int) -> AsyncIterator[Crowd]:
    async with AsyncExitStack() as stack:
        started = []
        for _ in range(processes):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.proofs.readers_child", str(company.business_id),
                stdin=PIPE, stdout=PIPE, env={**os.environ, **town.environment},
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            started.append(process)
        for process in started:
            assert await _line_of(process) == b"ready\n"
        yield Crowd(town, company, started, readers=readers)


async def _line_of(process: Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.readline()


async def _end(process: Process) -> None:
    """At the end of its input it closes by itself, once what hangs has run into its time-out."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
