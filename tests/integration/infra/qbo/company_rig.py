"""A simulated company on a real port and a business that mirrors it, with the ways in which a test breaks the road between."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import undefer

from infra import exact_json
from infra.clock import SystemClock
from infra.config import QBOSettings, Rail
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.qbo.http_client import open_http
from infra.qbo.keyset import keyset_pages
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.sync import runs
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.runs import SyncRun, SyncState
from runway.registry import MIRROR_SPECS

WIDE = Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000)
JOB_PATIENCE = Patience(budget=timedelta(minutes=1), wait_for_limit=timedelta(minutes=1), retry_waits=())
SPECS = {spec.entity: spec for spec in MIRROR_SPECS}


class MovedClock:
    """The real time, moved: both sides' clock, so that weeks pass at will."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now() + self.ahead


class GivenToken:
    """Access tokens without OAuth2: `give` hands one out that is good now."""

    def __init__(self, give: Callable[[], str]) -> None:
        self._give = give

    async def access_token(self) -> SecretStr:
        return SecretStr(self._give())

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        raise AssertionError(f"the simulator refused its own token {after_rejected}")


def qbo_settings(info: SimulatorInfo) -> QBOSettings:
    return QBOSettings.model_validate({
        "client_id": info.client_id,
        "client_secret": info.client_secret,
        "api_url": info.api_url,
        "discovery_url": info.discovery_url,
    })  # fmt: skip


class Mirrored:
    """One business over one simulated company."""

    def __init__(
        self,
        *,
        simulator: Simulator,
        info: SimulatorInfo,
        make_client: Callable[[Lane, Patience], QBORawClient],
        engine: AsyncEngine,
        clock: MovedClock,
    ) -> None:
        self.simulator = simulator
        self.info = info
        self.company = next(iter(simulator.companies.values()))
        self.clock = clock
        self.engine = engine
        self.uow = unit_of_work_factory(engine)
        self.reads = reads_of(engine)
        self.business_id = new_id()
        self.lost_grants: list[str] = []
        self._make_client = make_client
        self.service = self.service_with()

    def service_with(
        self,
        *,
        client: Any = None,
        uow: UnitOfWorkFactory | None = None,
        clients: Any = None,
        in_flight: RefreshesInFlight | None = None,
    ) -> QBOSyncService:
        """The service, or one whose client, units of work or refreshes under way are the test's own."""

        async def clients_here(_business_id: UUID, lane: Lane, patience: Patience) -> Any:
            return client if client is not None else self._make_client(lane, patience)

        return QBOSyncService(
            self.business_id,
            specs=MIRROR_SPECS,
            clients=clients or clients_here,
            uow=uow or self.uow,
            reads=self.reads,
            clock=self.clock,
            in_flight=in_flight or RefreshesInFlight(),
            time_zone=ZoneInfo("America/Los_Angeles"),
            on_lost_grant=self._lose,
        )

    def start_over(self) -> None:
        """Another business over the same company, with nothing mirrored."""
        self.business_id = new_id()
        self.service = self.service_with()

    @property
    def raw(self) -> QBORawClient:
        return self._make_client(Lane.BACKFILL, JOB_PATIENCE)

    @property
    def calls(self) -> int:
        """What QBO has answered so far, by its own count."""
        return sum(self.simulator.requests[self.company.realm_id].values())

    def true(self, entity: str) -> dict[str, Any]:
        """What the company has, by id, as it would be sent."""
        return {
            identifier: exact_json.loads(record.encoded())
            for identifier, record in self.company.stores[entity].records.items()
        }

    async def held(self, entity: str, *, deleted: bool = False) -> dict[str, Any]:
        """What the mirror shows as there (or as deleted)."""
        mirror = SPECS[entity].mirror
        async with self.uow([self.business_id]) as uow:
            condition = mirror.deleted_at.isnot(None) if deleted else mirror.deleted_at.is_(None)
            rows = await uow.session.scalars(select(mirror).where(condition).options(undefer(mirror.payload)))
            return {row.external_id: row.payload for row in rows}

    async def differing(self, entities: Sequence[str] = tuple(SPECS)) -> list[str]:
        """The entities in which mirror and books are not the same, object by object, by the hash of each."""
        return [entity for entity in entities if await self._held_hashes(entity) != self._true_hashes(entity)]

    def _true_hashes(self, entity: str) -> dict[str, bytes]:
        records = self.company.stores[entity].records
        return {
            identifier: blake2b(record.encoded(), digest_size=16).digest() for identifier, record in records.items()
        }

    async def _held_hashes(self, entity: str) -> dict[str, bytes]:
        mirror = SPECS[entity].mirror
        query = select(mirror.external_id, mirror.payload_hash).where(mirror.deleted_at.is_(None))
        async with self.uow([self.business_id]) as uow:
            return {external_id: bytes(digest) for external_id, digest in await uow.session.execute(query)}

    async def log_rows(self, entity: str) -> tuple[int, int]:
        """Rows in the entity's log and the highest version in it."""
        log = SPECS[entity].log
        async with self.uow([self.business_id]) as uow:
            row = (await uow.session.execute(select(func.count(), func.coalesce(func.max(log.version), 0)))).one()
            return row[0], row[1]

    async def states(self) -> dict[str, SyncState]:
        async with self.uow([self.business_id]) as uow:
            return await runs.list_states(uow.session, self.business_id, rail=Rail.QBO)

    async def change_states(self, *entities: str, **values: Any) -> None:
        async with self.uow([self.business_id]) as uow:
            await runs.change_states(
                uow.session, self.business_id, rail=Rail.QBO, entities=list(entities or SPECS), values=values
            )

    async def runs(self) -> list[SyncRun]:
        """Oldest first."""
        async with self.uow([self.business_id]) as uow:
            return list(await uow.session.scalars(select(SyncRun).order_by(SyncRun.id)))

    async def _lose(self, _business_id: UUID, reason: str, _seen_at: datetime) -> None:
        self.lost_grants.append(reason)


def reads_of(engine: AsyncEngine) -> Reads:
    return Reads(engine.url.render_as_string(hide_password=False), pool_size=2)


def make_service(business_id: UUID, *, client: QBORawClient, engine: AsyncEngine, clock: MovedClock) -> QBOSyncService:
    """The service alone, for a process of its own."""

    async def clients(_business_id: UUID, _lane: Lane, _patience: Patience) -> QBORawClient:
        return client

    async def lose(_business_id: UUID, reason: str, _seen_at: datetime) -> None:
        raise AssertionError(reason)

    return QBOSyncService(
        business_id,
        specs=MIRROR_SPECS,
        clients=clients,
        uow=unit_of_work_factory(engine),
        reads=reads_of(engine),
        clock=clock,
        in_flight=RefreshesInFlight(),
        time_zone=ZoneInfo("America/Los_Angeles"),
        on_lost_grant=lose,
    )


@asynccontextmanager
async def mirrored_company(
    company: Company, *, clock: MovedClock, app_url: str, redis_url: str, latency_ms: float = 0
) -> AsyncIterator[Mirrored]:
    simulator = Simulator([company], clock=clock, limits=False, latency_ms=latency_ms)
    engine = create_engine(app_url, pool_size=10)
    async with running_simulator(simulator) as info, Redis.from_url(redis_url) as redis:
        settings = qbo_settings(info)
        async with open_http(settings) as http:
            limiter = RailLimiter(redis, rail="qbo", limits=WIDE)

            def new_token() -> str:
                return str(simulator.oauth.grant(company.realm_id, client_id=info.client_id)["access_token"])

            def make_client(lane: Lane, patience: Patience) -> QBORawClient:
                return QBORawClient(
                    company.realm_id,
                    http=http,
                    settings=settings,
                    tokens=GivenToken(new_token),
                    limiter=limiter,
                    clock=clock,
                    lane=lane,
                    patience=replace(patience, retry_waits=()),
                )

            mirrored = Mirrored(simulator=simulator, info=info, make_client=make_client, engine=engine, clock=clock)
            yield mirrored
            await mirrored.reads.close()
    await engine.dispose()


def make_pages_small(patch: pytest.MonkeyPatch, size: int) -> None:
    """Where nobody asks for another size, pages hold `size` records: as many pages of a smaller book."""
    defaults = keyset_pages.__kwdefaults__
    assert defaults is not None
    patch.setitem(defaults, "page_size", size)


class Cut(Exception):
    """Where the test cuts a run off."""


class CutClient:
    """A client that answers `calls` calls and then no more; `after` cuts when the answer is here, not before it is asked."""

    def __init__(self, client: QBORawClient, *, calls: int, after: bool = False) -> None:
        self._client = client
        self._left = calls
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Cut
            answer = await method(*arguments, **options)
            if self._left < 0:
                raise Cut
            return answer

        return call


def cut_at_commit(uow: UnitOfWorkFactory, *, commits: int, after: bool = False) -> UnitOfWorkFactory:
    """Units of work of which `commits` succeed; the next one fails, before its commit or (`after`) right behind it."""
    left = commits

    @asynccontextmanager
    async def open_unit(business_ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        nonlocal left
        left -= 1
        is_cut = left < 0
        async with uow(business_ids) as unit:
            yield unit
            if is_cut and not after:
                raise Cut
        if is_cut:
            raise Cut

    return open_unit
