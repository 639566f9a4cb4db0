"""Builds services from settings, once a process. The only place that knows every concrete class."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from domains.core.access_service import AccessService
from domains.core.business_service import BusinessService
from domains.core.connection_service import ConnectionService
from infra.actions.watching import Changes
from infra.clock import Clock, SystemClock
from infra.config import QBOSettings, Rail, SecondFactorRule
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.roles import ACCESS, APP, JOBS
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.jobs.doorbell import Doorbell
from infra.jobs.queue_worker import RING_ENTRY
from infra.mail.carriers import carrier_of
from infra.mail.sending import MailRoom
from infra.observability.counted import TALLY
from infra.observability.installation import InstallationHealth
from infra.observability.readiness import Readiness
from infra.observability.realm_calls import QBO_CALLS
from infra.observability.tally import TOLD_EVERY_SECONDS
from infra.qbo.auth import QBOAuth
from infra.qbo.http_client import open_http
from infra.qbo.oauth import IntuitOAuth
from infra.ratelimit.breaker import RailBreaker
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.ratelimit.once_a_minute import OnceAMinute
from infra.redis_client import open_redis
from infra.security.keyring import Keyring
from infra.security.rail_tokens import RailTokenStore
from infra.security.token_spool import TokenSpool
from infra.sync.call_budget import CallBudget
from infra.sync.call_counts import CallTally
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.timing import SyncTimingManager
from runway.orchestrators.forecast_shelf import ForecastShelf
from runway.orchestrators.front_door import build_front_door
from runway.qbo_rail import QBORail
from runway.services import Services
from runway.settings import Settings, open_keyring

SPOOL_DIRECTORY = "token-spool"  # under the home: tokens that the database did not take
_ACCESS_POOL, _JOBS_POOL = 4, 4
_ENDS_WITHIN_SECONDS = 0.2


async def _tell_counts(redis: Redis, jobs_uow: UnitOfWorkFactory) -> None:
    await QBO_CALLS.settle(jobs_uow)
    await TALLY.tell(redis)


async def _keep_telling_counts(redis: Redis, jobs_uow: UnitOfWorkFactory) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_SECONDS)
        await _tell_counts(redis, jobs_uow)


async def _end(task: asyncio.Task[None]) -> None:
    # More than once: a cancellation that meets a time-out of a server's client in one turn of the loop may be taken for that.
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_ENDS_WITHIN_SECONDS)


async def _open_qbo(
    stack: AsyncExitStack,
    settings: QBOSettings,
    *,
    uow: UnitOfWorkFactory,
    reads: Reads,
    redis: Redis,
    keyring: Keyring,
    spool: TokenSpool,
    database_url: str,
    budget: CallBudget,
    clock: Clock,
) -> QBORail:
    http = await stack.enter_async_context(open_http(settings))
    tokens = RailTokenStore(uow, reads, keyring=keyring)
    oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
    auth = QBOAuth(store=tokens, oauth=oauth, database_url=database_url, clock=clock, spool=spool)
    stack.push_async_callback(auth.close)
    await auth.take_spooled()
    limiter = RailLimiter(redis, rail=Rail.QBO.value, limits=Limits.of_qbo(settings), app=settings.client_id)
    await limiter.begin()
    calls = CallTally(uow, clock=clock)
    stack.push_async_callback(calls.flush)
    stack.push_async_callback(_end, asyncio.create_task(calls.keep_writing()))
    return QBORail(
        oauth=oauth,
        auth=auth,
        tokens=tokens,
        limiter=limiter,
        settings=settings,
        clock=clock,
        http=http,
        breaker=RailBreaker(redis, rail=Rail.QBO.value),
        calls=calls,
        budget=budget,
    )


@dataclass(frozen=True)
class _Stores:
    """PostgreSQL by login role, and Redis."""

    engines: Mapping[str, AsyncEngine]
    units: Mapping[str, UnitOfWorkFactory]
    reads: Mapping[str, Reads]
    redis: Redis
    doorbell: Doorbell


def _open_stores(stack: AsyncExitStack, settings: Settings, addresses: ServerAddresses) -> _Stores:
    redis = open_redis(addresses.redis_url)
    stack.push_async_callback(redis.aclose)
    doorbell = Doorbell(addresses.redis_url, function=RING_ENTRY)
    stack.callback(doorbell.close)
    urls = {APP: addresses.database_app_url, ACCESS: addresses.database_access_url, JOBS: addresses.database_jobs_url}
    sizes = {APP: settings.servers.database_pool_size, ACCESS: _ACCESS_POOL, JOBS: _JOBS_POOL}
    engines = {role: create_engine(url, pool_size=sizes[role]) for role, url in urls.items()}
    reads = {role: Reads(urls[role], pool_size=sizes[role]) for role in (APP, ACCESS)}
    for engine in engines.values():
        stack.push_async_callback(engine.dispose)
    for pool in reads.values():
        stack.push_async_callback(pool.close)
    units = {role: unit_of_work_factory(engine, ring=doorbell.ring_first) for role, engine in engines.items()}
    return _Stores(engines, units, reads, redis, doorbell)


def _open_health(
    stack: AsyncExitStack, stores: _Stores, *, addresses: ServerAddresses, keyring: Keyring, clock: Clock
) -> tuple[Readiness, InstallationHealth]:
    readiness = Readiness(engines=stores.engines, redis=stores.redis, keyring=keyring)
    stack.push_async_callback(readiness.close)
    installation = InstallationHealth(
        engines=stores.engines,
        reads=stores.reads,
        jobs_uow=stores.units[JOBS],
        redis=stores.redis,
        redis_url=addresses.redis_url,
        sealer_url=addresses.database_sealer_url,
        clock=clock,
    )
    stack.push_async_callback(installation.close)
    return readiness, installation


def _mail_room(settings: Settings, access_uow: UnitOfWorkFactory, *, keyring: Keyring, clock: Clock) -> MailRoom:
    carrier = carrier_of(settings.mail, home=settings.servers.home)
    return MailRoom(
        access_uow=access_uow, keyring=keyring, carrier=carrier, sender=settings.mail.mail_from, clock=clock
    )


@asynccontextmanager
async def open_services(
    settings: Settings, addresses: ServerAddresses, *, clock: Clock | None = None
) -> AsyncIterator[Services]:
    """Open what a process holds (connections, pools) and close it at the block's end."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        stores = _open_stores(stack, settings, addresses)
        redis, (uow, access_uow, jobs_uow) = stores.redis, (stores.units[role] for role in (APP, ACCESS, JOBS))
        in_flight, forecasts = RefreshesInFlight(), ForecastShelf()
        action_changes = await stack.enter_async_context(aclosing(Changes(addresses.database_app_url)))
        stack.push_async_callback(_tell_counts, redis, jobs_uow)
        stack.push_async_callback(_end, asyncio.create_task(_keep_telling_counts(redis, jobs_uow)))
        allowance = settings.qbo.monthly_calls if settings.qbo is not None else 1
        budget = CallBudget(uow=uow, jobs_uow=jobs_uow, rail=Rail.QBO, allowance=allowance, clock=clock)
        timing = SyncTimingManager(uow, settings=settings.sync, thrifty=budget.thrifty)
        stack.push_async_callback(timing.flush)
        keyring = open_keyring(settings.keyring, settings.servers)
        readiness, installation = _open_health(stack, stores, addresses=addresses, keyring=keyring, clock=clock)
        qbo = None
        if settings.qbo is not None:
            qbo = await _open_qbo(
                stack,
                settings.qbo,
                uow=uow,
                reads=stores.reads[APP],
                redis=redis,
                keyring=keyring,
                spool=TokenSpool(settings.servers.home / SPOOL_DIRECTORY, keyring=keyring),
                database_url=addresses.database_app_url,
                budget=budget,
                clock=clock,
            )
        stack.push_async_callback(in_flight.close)  # first of all to close: a refresh uses everything above
        stack.push_async_callback(forecasts.close)
        yield Services(
            settings=settings,
            clock=clock,
            engine=stores.engines[APP],
            uow=uow,
            reads=stores.reads[APP],
            access_uow=access_uow,
            access_reads=stores.reads[ACCESS],
            jobs_uow=jobs_uow,
            redis=redis,
            doorbell=stores.doorbell,
            in_flight=in_flight,
            timing=timing,
            webhook_refusals=OnceAMinute(),
            access=AccessService(needs_second_factor=settings.sign_in.second_factor is SecondFactorRule.REQUIRED),
            door=build_front_door(
                access_uow=access_uow,
                clock=clock,
                keyring=keyring,
                redis=redis,
                public_url=str(settings.web.public_url),
                processes=settings.edge.web_processes,
            ),
            mail_room=_mail_room(settings, access_uow, keyring=keyring, clock=clock),
            token_uses=set(),
            businesses=BusinessService(),
            qbo_connections=ConnectionService(Rail.QBO)
            if qbo is None
            else ConnectionService(Rail.QBO, probe=qbo.probe),
            qbo=qbo,
            action_changes=action_changes,
            readiness=readiness,
            installation=installation,
            forecasts=forecasts,
        )
