"""The machines of one process: the simulator with its companies, and for each company a lane with a web process and two workers.

What the queue's processes do, a lane does: it takes each row of the outbox that is due, once; what it loses on purpose, or what dies with
its worker, the engine's own sweep must find.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr
from redis.asyncio import Redis

from benchmarks.companies import ConnectedCompany, Town, open_town
from benchmarks.proofs.payments.access import KeptToken
from benchmarks.proofs.payments.deciding import Deciders
from benchmarks.proofs.payments.fates import CURRENT, Fate, Killed, fated
from benchmarks.proofs.payments.hours import AGE, LaneClock, LaneTime, lane_times
from benchmarks.proofs.payments.rail import LaneLimiter, Watched, WatchedRail
from benchmarks.proofs.payments.units import begun_at_once, open_engine
from benchmarks.proofs.payments.witness import Witness
from benchmarks.rig import superuser_url
from infra.actions import edges
from infra.actions.edges import Change
from infra.actions.engine import ActionEngine
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNotice
from infra.actions.rail import ActionRail
from infra.actions.watching import Changes
from infra.actions.workshop import Workshop
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.errors import RailError, RailNeedsReconnect
from infra.qbo.action_rail import QBOActionRail
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.oauth import TokenGrant
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.behaviour import DEFAULT, Behaviour
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.transport import Patience
from infra.ratelimit.breaker import RailBreaker
from infra.ratelimit.lanes import Lane as CallLane
from infra.security.rail_tokens import account_of
from runway.orchestrators.last_word import LastWord
from runway.registry import ACTION_SPECS, MIRROR_SPECS
from runway.services import Services

_SPECS = {spec.entity: spec for spec in MIRROR_SPECS}
_NOWHERE = "redis://127.0.0.1:1/0"
# In real time, so that what hangs costs the proof no half minutes.
_LOOK_PATIENCE = Patience(budget=timedelta(seconds=2), retry_waits=(0.02, 0.05))
_TIMEOUTS = httpx.Timeout(connect=2.0, write=2.0, read=0.5, pool=2.0)


@dataclass
class Lane:
    """One company, in which one history after the other is played. `root` is a superuser's connection of its own."""

    company: ConnectedCompany
    machines: "Machines"
    root: psycopg.AsyncConnection[dict[str, Any]]
    time: LaneTime = field(default_factory=LaneTime)
    breaker: RailBreaker = field(default_factory=lambda: RailBreaker(None, rail=Rail.QBO.value))
    fate: Fate | None = None
    watched: Watched = field(default_factory=Watched)
    engines: Sequence[ActionEngine] = ()
    is_redis_lost: bool = False
    lost_bells: float = 0.0
    doubled: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    raised: list[str] = field(default_factory=list)
    notices: list[ActionNotice] = field(default_factory=list)
    deciders: Deciders = field(init=False)

    def __post_init__(self) -> None:
        self.deciders = Deciders(self)
        self.token = KeptToken(self.company.services.qbo_rail.auth.tokens_of(self.business_id))

    @property
    def business_id(self) -> UUID:
        return self.company.business_id

    @property
    def realm_id(self) -> str:
        return self.company.company.realm_id

    def begin(self, fate: Fate, *, skews: Sequence[float], lies: str) -> None:
        """A web process and two workers, each with its own clock."""
        self.fate, self.watched, self.raised, self.notices = fate, Watched(lies), [], []
        self.deciders = Deciders(self)
        names = zip(("web", "a", "b"), (skews[0], *skews), strict=True)
        self.engines = [self.machines.engine(self, name, skew) for name, skew in names]

    def work(self, intent_id: UUID) -> None:
        """What a worker does that got the job, or two that got it both."""
        fate = self.fate
        assert fate is not None
        draw = fate.draw
        if not fate.is_over and draw.random() < self.lost_bells:
            return
        count = 2 if not fate.is_over and draw.random() < self.doubled else 1
        first = draw.choice((1, 2))
        for number in range(count):
            engine = self.engines[first if number == 0 else 3 - first]
            step = self.start(self._step(engine, intent_id, fate))
            if (cut := fate.cut_after()) is not None:
                asyncio.get_running_loop().call_later(cut, step.cancel)

    def start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    @property
    def is_idle(self) -> bool:
        """Everybody sleeps, or has gone."""
        return len(self.tasks) == (len(self.fate.asleep) if self.fate else 0)

    async def _step(self, engine: ActionEngine, intent_id: UUID, fate: Fate) -> None:
        CURRENT.set(fate)
        try:
            await engine.work(self.business_id, intent_id)
        except (Killed, asyncio.CancelledError):
            return
        except Exception as error:  # noqa: BLE001 - a step that ends so is told of, whatever it was
            self.raised.append(f"{type(error).__name__}: {str(error)[:300]}")

    async def reconnect(self) -> None:
        """A person consents again."""
        services, simulator = self.company.services, self.machines.town.simulator
        now = services.clock.now()
        granted = simulator.oauth.grant(self.realm_id, client_id=simulator.oauth.client_id)
        grant = TokenGrant(
            access_token=SecretStr(granted["access_token"]),
            refresh_token=SecretStr(granted["refresh_token"]),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
            refresh_expires_at=now + timedelta(days=100),
        )
        await services.qbo_rail.auth.connect(self.business_id, self.realm_id, grant=grant)
        self.token.forget()
        async with services.uow([self.business_id]) as uow:
            await services.qbo_connections.finish_connect(
                uow.session, self.business_id, external_account_id=self.realm_id, now=now
            )

    def disconnect(self) -> None:
        """The company's administrator ends our access at Intuit."""
        oauth = self.machines.town.simulator.oauth
        for grant in list(oauth._grants.values()):  # noqa: SLF001 - a person does it on a page of Intuit's
            if grant.realm_id == self.realm_id:
                oauth.revoke_quietly(grant.refresh_token)

    async def is_disconnected(self) -> bool:
        if self.token.is_known:
            return False
        grant = await self.company.services.qbo_rail.tokens.get(self.business_id, Rail.QBO)
        return grant.needs_reconnect_at is not None


@dataclass
class Machines:
    town: Town
    witness: Witness
    uow: UnitOfWorkFactory
    limiters: Sequence[LaneLimiter]
    changes: Changes
    trusts: Callable[[str], bool]
    lanes: list[Lane] = field(default_factory=list)

    @property
    def services(self) -> Services:
        return self.town.services

    def lane_of(self, business_id: UUID) -> Lane:
        return next(lane for lane in self.lanes if lane.business_id == business_id)

    def is_revoked(self, realm_id: str) -> bool:
        return not self.town.simulator.oauth.has_grant(realm_id)

    @asynccontextmanager
    async def without_trigger(self, table: str, trigger: str) -> AsyncIterator[None]:
        """A wall of the database is down for as long as the block runs; none where no trigger is named."""
        root = self.lanes[0].root
        if trigger:
            await root.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        try:
            yield
        finally:
            if trigger:
                await root.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")

    def engine(self, lane: Lane, worker: str, skew: float) -> ActionEngine:
        clock = LaneClock(skew)

        async def rail_of(business_id: UUID, *, is_check: bool = False) -> ActionRail:
            del is_check  # one at a time calls
            assert business_id == lane.business_id
            return await self._rail(lane, clock)

        async def tell(_uow: UnitOfWork, notice: ActionNotice) -> None:
            lane.notices.append(notice)

        assert lane.fate is not None
        last_word = LastWord(self.uow, clock)
        shop = Workshop(
            specs=ACTION_SPECS,
            uow=_stalling(self.uow),
            rails={Rail.QBO: rail_of},
            account_of=account_of,
            clock=clock,
            environment="proof",
            tell=tell,
            trusts_request_id=self.trusts,
            last_word=last_word.say,
            stopped=last_word.stopped,
            share=lane.fate.draw.random,
            worker=worker,
        )
        return ActionEngine(shop, changes=self.changes)

    async def rail(self, lane: Lane) -> ActionRail:
        return await self._rail(lane, LaneClock())

    async def _rail(self, lane: Lane, clock: LaneClock) -> ActionRail:
        """As the wiring makes it, but for its patience."""
        rail = self.services.qbo_rail
        if await lane.is_disconnected():
            raise RailNeedsReconnect("QuickBooks must be connected again.")
        books = QBORawClient(
            lane.realm_id,
            http=rail.http,
            settings=rail.settings,
            tokens=lane.token,
            limiter=self.limiters[lane.is_redis_lost],
            lane=CallLane.PAYMENT,
            clock=clock,
            patience=_LOOK_PATIENCE,
            breaker=lane.breaker,
        )
        books._writing._timeouts = _TIMEOUTS  # noqa: SLF001 - as above

        async def kind_of(error: QBOError, began_at: datetime) -> RailError:
            kind = to_rail_error(error)
            if isinstance(kind, RailNeedsReconnect):
                await on_lost(str(kind), began_at)
            return kind

        async def on_lost(words: str, began_at: datetime) -> None:
            await self.services.lose_qbo_grant(lane.business_id, words, began_at)
            lane.token.forget()

        own = QBOActionRail(lane.business_id, books=books, specs=_SPECS, clock=clock, kind_of=kind_of, on_lost=on_lost)
        return WatchedRail(own, lane.business_id, lane.watched, self.uow, lane.company.company)


@contextmanager
def fences_watched(machines: Machines) -> Iterator[None]:
    """Whoever changes an action must have it by its latest fence (I7)."""
    true = edges.move

    async def move(uow: UnitOfWork, row: ActionIntent, change: Change) -> ActionIntent | None:
        fence = row.fence
        moved = await true(uow, row, change)
        if moved is not None and "fence" not in change.values and moved.fence != fence:
            machines.lane_of(row.business_id).watched.faults.append(
                f"fence {fence} wrote {change.event}, and {moved.fence} was out already (I7)"
            )
        return moved

    setattr(edges, "move", move)  # noqa: B010 - a name of the module
    try:
        yield
    finally:
        setattr(edges, "move", true)  # noqa: B010 - as above


def _stalling(uow: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """A worker may sleep behind a commit, with the next thing still to do."""

    @asynccontextmanager
    async def open_unit(business_ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        async with uow(business_ids) as unit:
            yield unit
        fate = CURRENT.get()
        if fate is not None:
            await fate.maybe_stall()

    return open_unit


@asynccontextmanager
async def open_machines(
    addresses: ServerAddresses,
    *,
    home: Path,
    lanes: int,
    behaviour: Behaviour = DEFAULT,
    trusts: Callable[[str], bool] = lambda _: True,
) -> AsyncIterator[Machines]:
    size = LargeCompany(bills=1, vendors=1, customers=1, months=1, paid_share=0)
    file = generate_large(size, today=SystemClock().now().date())
    async with AsyncExitStack() as stack:
        stack.enter_context(lane_times())
        town = await stack.enter_async_context(open_town(addresses, home=home, files=[file] * lanes, clock=LaneClock()))
        town.simulator.behaviour = behaviour
        town.simulator.clock._base = SystemClock()  # noqa: SLF001 - QuickBooks' time is nobody's lane's
        witness = Witness(town.simulator)
        stack.callback(witness.begin())
        stack.enter_context(fated())
        engine = open_engine(addresses.database_app_url, pool_size=max(8, 2 * lanes))
        stack.push_async_callback(engine.dispose)
        stack.enter_context(begun_at_once(engine))
        limiters = []
        for url in (addresses.redis_url, _NOWHERE):
            redis = Redis.from_url(url, socket_connect_timeout=0.1)
            stack.push_async_callback(redis.aclose)
            limiters.append(LaneLimiter(redis))
        changes = Changes(addresses.database_app_url)
        machines = Machines(town, witness, unit_of_work_factory(engine), limiters, changes, trusts)
        for company in town.companies:
            root = await stack.enter_async_context(await _root(addresses))
            await root.execute(AGE)
            await company.sync()
            lane = Lane(company, machines, root)
            await lane.deciders.set_policy(is_needed=False)
            machines.lanes.append(lane)
        stack.enter_context(fences_watched(machines))
        yield machines


async def _root(addresses: ServerAddresses) -> psycopg.AsyncConnection[dict[str, Any]]:
    shown = superuser_url(addresses).render_as_string(hide_password=False)
    return await psycopg.AsyncConnection.connect(shown, autocommit=True, row_factory=dict_row)
