"""Every order in which two workers can take the steps of one payment: the leases are over at once, so that each may step in at any time.

A step is what lies between two commits or calls: a transaction, or a call with what is read before it. The orders are walked through one
after the other (depth first over the choices), each on a bill of its own, against the simulator over HTTP.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from benchmarks.proofs.payments.deciding import CLERK
from benchmarks.proofs.payments.fates import Fate
from benchmarks.proofs.payments.hours import HERE
from benchmarks.proofs.payments.town import Lane, Machines, open_machines
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from domains.ap.models import PayType
from domains.ap.pay_bills import PAY_BILLS, PaidBill, PayBills
from infra.actions.engine import ActionEngine
from infra.actions.rail import ActionRail
from infra.actions.spec import ActionRequest
from infra.actions.timing import ActionTiming
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.embedded.servers import ServerAddresses
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import expense_line, ref
from infra.qbo.simulator.trouble.rules import read_rules
from infra.ratelimit.breaker import RailBreaker

_FULL: Final = ActionTiming()
# Nobody waits: what may be done at all may be done now. What keeps its length bounds one step, or how long something is tried.
NOW: Final = replace(
    _FULL.scaled(0),
    send_within=_FULL.send_within,
    preflight_within=_FULL.preflight_within,
    write_within=_FULL.write_within,
    replay_within=_FULL.replay_within,
    review_after=_FULL.review_after,
    watch_for=_FULL.watch_for,
    poison_after=_FULL.poison_after,
    verify=(timedelta(hours=1),),
)
TROUBLES: Final[dict[str, dict[str, Any] | None]] = {
    "all well": None,
    "the answer is lost": {"do": "reset", "executed": True},
    "away for one call": {"do": "answer", "status": 503},
}
_STEPS_TO_REST = 12
_LANES = 6


@dataclass
class Gate:
    """Where a worker waits for its turn."""

    turn: asyncio.Event = field(default_factory=asyncio.Event)
    is_waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def pass_(self) -> None:
        self.turn.clear()
        self.is_waiting.set()
        await self.turn.wait()


_GATE: ContextVar[Gate | None] = ContextVar("gate", default=None)


async def _pass() -> None:
    gate = _GATE.get()
    if gate is not None:
        await gate.pass_()


@dataclass
class Walk:
    """All orders of one trouble. `left` are beginnings that are still to be tried."""

    left: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    walked: int = 0
    longest: int = 0
    wrong: dict[tuple[int, ...], list[str]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)


async def run() -> ProofResult:
    with open_shown_rig("Interleavings", total=len(TROUBLES)) as (rig, told):
        walks = await prove(rig.addresses, home=rig.home, troubles=list(TROUBLES), lanes=_LANES, told=told)
    return ProofResult("payment_interleavings", measures_of(walks, at_least_walked=len(TROUBLES)))


def measures_of(walks: dict[str, Walk], *, at_least_walked: int) -> tuple[Measure, ...]:
    return (
        at_least("orders walked through", sum(walk.walked for walk in walks.values()), "orders", bar=at_least_walked),
        at_most("orders left out", sum(len(walk.left) for walk in walks.values()), "orders", bar=10**9),
        at_most("wrong", sum(len(walk.wrong) for walk in walks.values()), "orders", bar=0),
        reported("steps of the longest", max(walk.longest for walk in walks.values()), "steps"),
    )


async def prove(
    addresses: ServerAddresses,
    *,
    home: Path,
    troubles: Sequence[str],
    lanes: int,
    most: int | None = None,
    seed: int | None = None,
    told: Callable[[int], object] = lambda _: None,
) -> dict[str, Walk]:
    """`most` orders of each trouble, drawn by `seed`; all of them without."""
    walks = {}
    async with open_machines(addresses, home=home, lanes=lanes) as machines:
        for trouble in troubles:
            walk = walks[trouble] = Walk()
            draw = None if seed is None else random.Random(seed)  # noqa: S311 - a schedule, not a secret
            async with asyncio.TaskGroup() as group:
                for lane in machines.lanes:
                    group.create_task(_walk(lane, walk, TROUBLES[trouble], most=most, draw=draw))
            told(len(walks))
    return walks


async def _walk(
    lane: Lane, walk: Walk, trouble: dict[str, Any] | None, *, most: int | None, draw: random.Random | None
) -> None:
    HERE.set(lane.time)
    resting = 0
    while resting < 100:
        if most is not None and walk.walked >= most:
            return
        if not walk.left:
            resting += 1
            await asyncio.sleep(0.01)
            continue
        resting = 0
        beginning = walk.left.pop(draw.randrange(len(walk.left)) if draw else -1)
        walk.walked += 1
        order = await _Order(lane, beginning, trouble, draw).play()
        walk.longest = max(walk.longest, len(order.taken))
        walk.left += [(*order.taken[:number], 1 - order.taken[number]) for number in order.free]
        walk.ends[order.state] += 1
        if order.wrong:
            walk.wrong[tuple(order.taken)] = order.wrong


@dataclass
class _Order:
    """One order of steps. `free`: where the other worker might have gone on as well."""

    lane: Lane
    beginning: tuple[int, ...]
    trouble: dict[str, Any] | None
    draw: random.Random | None
    taken: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    state: str = ""

    async def play(self) -> "_Order":
        lane = self.lane
        simulator = lane.machines.town.simulator
        lane.begin(Fate(random.Random(0), is_over=True), skews=(0, 0), lies="")  # noqa: S311 - nothing is drawn
        lane.breaker = RailBreaker(None, rail=Rail.QBO.value)  # one order's trouble is not the next one's
        engines = [self._engine(each) for each in lane.engines]
        intent_id = await self._ask(engines[0])
        name = f"order-{lane.realm_id}"
        if self.trouble is not None:
            match = {"realm": lane.realm_id, "verb": ["create"], "count": 1}
            simulator.trouble.add(read_rules({"name": name, "match": match, "effect": self.trouble}, source="an order"))
        await self._alternate([engine.work(lane.business_id, intent_id) for engine in engines[1:]])
        simulator.trouble.remove(name)
        for _ in range(_STEPS_TO_REST):
            row = await engines[1].get(lane.business_id, intent_id)
            if row.state == "confirmed" and row.verifications:
                break
            await engines[1].work(lane.business_id, intent_id)
        await self._judge(intent_id)
        return self

    def _engine(self, engine: ActionEngine) -> ActionEngine:
        rail_of = engine.shop.rails[Rail.QBO]

        async def gated(business_id: UUID, *, is_check: bool = False) -> ActionRail:
            return _GatedRail(await rail_of(business_id, is_check=is_check))

        shop = replace(engine.shop, uow=_gated(self.lane.machines.uow), rails={Rail.QBO: gated}, timing=NOW)
        return ActionEngine(shop, changes=self.lane.machines.changes)

    async def _ask(self, web: ActionEngine) -> UUID:
        company = self.lane.company.company
        vendor = company.create("Vendor", {"DisplayName": f"Vendor {uuid4().hex}"}).id
        total = Decimal(100)
        bill = company.create("Bill", {"VendorRef": ref(vendor), "Line": [expense_line(profile.UTILITIES, total)]})
        self.lane.machines.town.simulator.settle(company)
        meaning = PayBills(
            vendor=vendor,
            account=profile.CHECKING,
            pay_type=PayType.CHECK,
            paid_on=company.today(),
            bills=(PaidBill(bill=bill.id, amount=total, total=total),),
        ).as_meaning()
        wish = ActionRequest(self.lane.business_id, PAY_BILLS.operation, uuid4().hex, meaning, CLERK.actor, "order")
        async with self.lane.machines.uow([self.lane.business_id]) as uow:
            return (await web.request(uow, wish)).id

    async def _alternate(self, works: Sequence[Any]) -> None:
        gates = [Gate() for _ in works]
        tasks = [asyncio.create_task(self._gated_work(work, gate)) for work, gate in zip(works, gates, strict=True)]
        while True:
            alive = []
            for number, (task, gate) in enumerate(zip(tasks, gates, strict=True)):
                waiting = asyncio.create_task(gate.is_waiting.wait())
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if not task.done():
                    alive.append(number)
            if not alive:
                break
            chosen = self._choose(alive)
            gates[chosen].is_waiting.clear()
            gates[chosen].turn.set()
        for task in tasks:
            if (error := task.exception()) is not None:
                self.wrong.append(f"a worker raised {type(error).__name__}: {str(error)[:300]}")

    def _choose(self, alive: Sequence[int]) -> int:
        place = len(self.taken)
        if place < len(self.beginning) and self.beginning[place] in alive:
            chosen = self.beginning[place]
        else:
            chosen = self.draw.choice(alive) if self.draw else alive[0]
            if len(alive) > 1:
                self.free.append(place)
        self.taken.append(chosen)
        return chosen

    async def _gated_work(self, work: Any, gate: Gate) -> None:
        _GATE.set(gate)
        await work

    async def _judge(self, intent_id: UUID) -> None:
        lane = self.lane
        cursor = await lane.root.execute(
            "SELECT *, (SELECT array_agg(version ORDER BY version) FROM action_transaction_log WHERE entity_id = i.id) AS versions"
            " FROM action_intent i WHERE id = %s",
            (intent_id,),
        )
        row = await cursor.fetchone()
        assert row is not None
        created = lane.machines.witness.created[row["mark"]]
        self.state = row["state"]
        if len(created) != 1:
            self.wrong.append(f"recorded {len(created)} times (I1)")
        if row["state"] != "confirmed" or row["external_id"] != created[0].id:
            self.wrong.append(f"it is {row['state']} as {row['external_id']} (I2)")
        if row["versions"] != list(range(1, row["version"] + 1)):
            self.wrong.append(f"version {row['version']} and log {row['versions']} (I6)")
        self.wrong += lane.watched.faults


@dataclass
class _GatedRail:
    """As the rail; a write waits for its turn."""

    rail: ActionRail

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rail, name)

    async def write(self, request: Any) -> Any:
        await _pass()
        return await self.rail.write(request)


def _gated(uow: UnitOfWorkFactory) -> UnitOfWorkFactory:
    @asynccontextmanager
    async def open_unit(business_ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        await _pass()
        async with uow(business_ids) as unit:
            yield unit

    return open_unit


__all__ = ["TROUBLES", "Machines", "measures_of", "prove", "run"]
