"""PostgreSQL lost for good in the middle of payments, and its streaming standby promoted: with synchronous replication nothing that was
accepted is lost; without it, some seconds of commits are, and whoever asks again under the same key gets the same payment, not a second one.

The real processes: web app, worker, scheduler; the simulator, a process of its own; two clusters of the bundled PostgreSQL behind one
address that moves. Actions run at a tenth of their durations (`ActionTiming`).
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from rich.progress import Progress

from benchmarks.paying.asking import Client
from benchmarks.paying.judge import Verdict, all_settled, intents_of, judge, mark_of
from benchmarks.paying.replicated import Replicated
from benchmarks.paying.town import OpenBill, PayingCompany, PayingTown, approve_nothing, open_paying_town
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from infra.qbo.simulator.files.large_company import LargeCompany

_PACE = 0.1
_PAYMENTS = 12  # a round
_LOSS_SECONDS = 2.0
_LONGEST_LOSS_SECONDS = 15.0
_RECORDED_MEANWHILE = 4
_SETTLED_WITHIN_SECONDS = 120.0


@dataclass
class _Wish:
    bill: OpenBill
    key: str = field(default_factory=lambda: str(uuid4()))
    told: UUID | None = None


@dataclass
class Failovers:
    """`lost`: told that it was taken, and not there after the failover. `orphans`: in QuickBooks, and unknown to us then."""

    rounds: int = 0
    payments: int = 0
    lost_synchronous: int = 0
    lost_asynchronous: int = 0
    orphans: int = 0
    adopted: int = 0
    other_ids: int = 0
    restarted: list[str] = field(default_factory=list)
    away_seconds: list[float] = field(default_factory=list)
    settled_seconds: list[float] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)


async def run(*, rounds: int) -> ProofResult:
    """The proof at full size: so many of each kind."""
    with Replicated.opened() as pair, Progress() as progress:
        task = progress.add_task("Failovers", total=2 * rounds)
        failovers = await prove(pair, rounds=rounds, seed=1, told=lambda done: progress.update(task, completed=done))
    return ProofResult("failover", measures_of(failovers, rounds=rounds))


def measures_of(failovers: Failovers, *, rounds: int) -> tuple[Measure, ...]:
    verdict = failovers.verdict
    return (
        at_least("failovers", failovers.rounds, "failovers", bar=2 * rounds),
        reported("payments asked for", failovers.payments, "payments"),
        at_most("synchronous: accepted, then lost", failovers.lost_synchronous, "payments", bar=0),
        at_least("asynchronous: accepted, then lost", failovers.lost_asynchronous, "payments", bar=1),
        at_least("of them in QuickBooks already, orphans", failovers.orphans, "payments", bar=1),
        at_least("orphans adopted", failovers.adopted, "payments", bar=failovers.orphans),
        at_most("recorded twice", len(verdict.doubled), "payments", bar=0),
        at_most("told otherwise than the books are", len(verdict.wrongly_told) + len(verdict.strangers), "payments", bar=0),
        at_most("left unsettled", len(verdict.unsettled), "payments", bar=0),
        reported("until a payment was accepted again", round(max(failovers.away_seconds), 1), "s"),
        reported("until all was settled", round(max(failovers.settled_seconds), 1), "s"),
        reported("processes that had to be started again", len(failovers.restarted), "processes"),
    )  # fmt: skip


async def prove(
    pair: Replicated, *, rounds: int, seed: int, told: Callable[[int], object] = lambda _: None
) -> Failovers:
    """Synchronous and asynchronous in turns."""
    size = LargeCompany(bills=2 * rounds * _PAYMENTS + 10, vendors=60, months=2, paid_share=0)
    failovers, draw = Failovers(), random.Random(seed)  # noqa: S311 - a schedule, not a secret
    async with open_paying_town(pair.addresses, home=pair.home, companies=1, size=size, pace=_PACE) as town:
        await town.start_web()
        town.plant.start("worker", "worker")
        town.plant.start("scheduler", "scheduler")
        await approve_nothing(town)
        stage = _Stage(town, pair, Client(town), failovers, draw, list(town.companies[0].bills))
        for number in range(2 * rounds):
            await stage.fail_over(is_synchronous=number % 2 == 0)
            failovers.rounds += 1
            told(failovers.rounds)
        failovers.verdict = await judge(town, town.companies, told={})
    return failovers


@dataclass
class _Stage:
    town: PayingTown
    pair: Replicated
    client: Client
    failovers: Failovers
    draw: random.Random
    bills: list[OpenBill]

    @property
    def company(self) -> PayingCompany:
        return self.town.companies[0]

    async def fail_over(self, *, is_synchronous: bool) -> None:
        await asyncio.to_thread(self.pair.replicate, is_synchronous=is_synchronous)
        wishes = [_Wish(self.bills.pop()) for _ in range(_PAYMENTS)]
        asking = asyncio.create_task(self._ask_all(wishes, seconds=_LOSS_SECONDS + 1))
        await asyncio.sleep(self.draw.uniform(0.3, 1.0))
        if not is_synchronous:
            await asyncio.to_thread(self.pair.cut_off_standby)
            await self._until_some_are_recorded(cut_off_at=time.monotonic())
        else:
            await asyncio.sleep(self.draw.uniform(0, 1))
        told_before = [wish for wish in wishes if wish.told is not None]
        died_at = time.monotonic()
        await asyncio.to_thread(self.pair.fail_over)
        known = {intent.id for intent in await intents_of(self.town, self.company)}
        lost = sum(wish.told not in known for wish in told_before)
        orphans = await self._orphans()
        if is_synchronous:
            self.failovers.lost_synchronous += lost
        else:
            self.failovers.lost_asynchronous += lost
            self.failovers.orphans += len(orphans)
        self._start_again_what_ended()
        await asking
        self.failovers.away_seconds.append(time.monotonic() - died_at)
        await self._ask_again(wishes)
        await all_settled(self.town, seconds=_SETTLED_WITHIN_SECONDS)
        self.failovers.settled_seconds.append(time.monotonic() - died_at)
        if not is_synchronous:
            left = await self._orphans()
            self.failovers.adopted += len(orphans - left)
        self.failovers.payments += len(wishes)

    async def _until_some_are_recorded(self, *, cut_off_at: float) -> None:
        """Two seconds are lost, or as much more as it takes this machine to record some in QuickBooks of what will be lost."""
        at_cut = len(await self.town.objects(self.company.realm_id, "BillPayment"))
        while (lost_for := time.monotonic() - cut_off_at) < _LONGEST_LOSS_SECONDS:
            made = len(await self.town.objects(self.company.realm_id, "BillPayment"))
            if lost_for >= _LOSS_SECONDS and made >= at_cut + _RECORDED_MEANWHILE:
                return
            await asyncio.sleep(0.1)

    async def _ask_all(self, wishes: list[_Wish], *, seconds: float) -> None:
        """Spread over the time, one person each."""

        async def one(wish: _Wish, after: float) -> None:
            await asyncio.sleep(after)
            wish.told = await self.client.pay(self.company, wish.bill, key=wish.key)

        async with asyncio.TaskGroup() as group:
            for number, wish in enumerate(wishes):
                group.create_task(one(wish, seconds * number / len(wishes)))

    async def _ask_again(self, wishes: list[_Wish]) -> None:
        """Everybody looks for their payment, does not find it, and asks under the key that it had."""
        for wish in wishes:
            before = wish.told
            wish.told = await self.client.pay(self.company, wish.bill, key=wish.key)
            self.failovers.other_ids += before != wish.told

    async def _orphans(self) -> set[str]:
        """Marks of ours in QuickBooks that no action of ours has."""
        ours = {intent.mark for intent in await intents_of(self.town, self.company)}
        made = {mark_of(payment) for payment in await self.town.objects(self.company.realm_id, "BillPayment")}
        return {mark for mark in made if mark is not None} - ours

    def _start_again_what_ended(self) -> None:
        for name in ("worker", "scheduler"):
            if self.town.plant.has_ended(name):
                self.failovers.restarted.append(name)
                self.town.plant.start(name, name)
