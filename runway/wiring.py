"""Builds services from settings, once a process (or a job). The only place that knows every concrete class."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from httpx import AsyncClient
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from domains.ap.approval_service import ApprovalService
from domains.ap.bill_service import BillService
from domains.ap.paying_service import PayingService
from domains.ap.payment_service import PaymentService
from domains.ap.vendor_service import VendorService
from domains.ar.collections_service import CollectionsService
from domains.ar.customer_service import CustomerService
from domains.ar.invoice_service import InvoiceService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.cash.lookalike_queries import list_spent
from domains.core.access_service import AccessService
from domains.core.business_service import BusinessService
from domains.core.company_service import CompanyService
from domains.core.connection_service import ConnectionService, ProbedCompany
from domains.core.mirrors import PREFERENCES_FROM_QBO
from domains.core.models import Business
from infra.actions.engine import ActionEngine
from infra.actions.rail import ActionRail
from infra.actions.watching import Changes
from infra.actions.workshop import Workshop
from infra.clock import Clock, SystemClock
from infra.config import (
    EdgeSettings,
    KeyringSettings,
    MailSettings,
    QBOSettings,
    Rail,
    RailSettings,
    SecondFactorRule,
    ServerSettings,
    SignInSettings,
    SyncSettings,
    WebSettings,
    load,
)
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.roles import ACCESS, APP, JOBS
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.errors import RailNeedsReconnect, RailNotEnabled
from infra.jobs.doorbell import Doorbell
from infra.mail.carriers import carrier_of
from infra.mail.letters import LetterRail
from infra.mail.post import Post
from infra.mail.sending import MailRoom
from infra.observability.counted import TALLY
from infra.observability.installation import InstallationHealth
from infra.observability.readiness import Readiness
from infra.observability.realm_calls import QBO_CALLS
from infra.observability.tally import TOLD_EVERY_SECONDS
from infra.production import refuse_unsafe
from infra.qbo.answers import Payload
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.oauth import IntuitOAuth
from infra.qbo.raw_client import QBORawClient
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.tokens import OneToken
from infra.qbo.transport import Patience, open_http
from infra.ratelimit.breaker import RailBreaker
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.ratelimit.once_a_minute import OnceAMinute
from infra.security.keyring import Keyring
from infra.security.rail_tokens import NotConnected, RailTokenStore, account_of
from infra.security.token_spool import TokenSpool
from infra.sync.call_budget import CallBudget
from infra.sync.call_counts import CallTally, counted_as
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.timing import SyncTimingManager
from runway.orchestrators.action_notices import ActionNotices
from runway.orchestrators.approval_watch import ApprovalWatch
from runway.orchestrators.collecting import Collecting
from runway.orchestrators.disconnect_qbo import DisconnectQBO
from runway.orchestrators.due_syncs import DueSyncs
from runway.orchestrators.front_door import FrontDoor, build_front_door
from runway.orchestrators.housekeeping import Housekeeping
from runway.orchestrators.paying_batches import PayingBatches
from runway.orchestrators.paying_bills import PayingBills
from runway.orchestrators.qbo_webhooks import QBOWebhooks
from runway.orchestrators.watch import Watch
from runway.registry import ACTION_SPECS, MIRROR_SPECS

SPOOL_DIRECTORY = "token-spool"  # under the home: tokens that the database did not take
JOB_ENTRY = "runway.jobs.run_job"
TokenUse = tuple[UUID, date, str]  # which token, on what day (UTC), from what address

_MOST_REALMS = 100_000
_ACCESS_POOL, _JOBS_POOL = 4, 4
_ENDS_WITHIN_SECONDS = 0.2
# A person looks at an empty page meanwhile; an answer that does not come they can ask for again.
_HEALTH_PATIENCE = Patience(budget=timedelta(seconds=10), wait_for_limit=timedelta(seconds=2), retry_waits=())
HEALTH_FEATURE = "health"
_PROBE_PATIENCE = Patience(budget=timedelta(seconds=10), wait_for_limit=timedelta(seconds=5), retry_waits=(0.5, 1.0))


@dataclass(frozen=True)
class Settings:
    """Every concern of one process, read and checked at its start."""

    servers: ServerSettings
    rails: RailSettings
    web: WebSettings
    keyring: KeyringSettings
    qbo: QBOSettings | None
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read all settings; a rail's own only where the rail is enabled.

        Raises:
            SettingsError: naming what is missing, malformed, or unsafe in production.
        """
        rails = load(RailSettings)
        settings = cls(
            servers=load(ServerSettings),
            rails=rails,
            web=load(WebSettings),
            keyring=load(KeyringSettings),
            qbo=load(QBOSettings) if Rail.QBO in rails.rails else None,
            edge=load(EdgeSettings),
            sign_in=load(SignInSettings),
            mail=load(MailSettings),
            sync=load(SyncSettings),
        )
        if settings.edge.is_production:
            refuse_unsafe(
                settings.servers,
                settings.web,
                keyring=settings.keyring,
                edge=settings.edge,
                mail=settings.mail,
                qbo=settings.qbo,
            )
        return settings


@dataclass(frozen=True)
class QBORail:
    """What reaching QBO takes, shared by all businesses of the process. `realms` are those that this process has met."""

    oauth: IntuitOAuth
    auth: QBOAuth
    tokens: RailTokenStore
    limiter: RailLimiter
    settings: QBOSettings
    clock: Clock
    http: AsyncClient
    breaker: RailBreaker
    calls: CallTally
    budget: CallBudget
    realms: dict[UUID, str] = field(default_factory=dict)

    def rest_seconds(self, business_id: UUID) -> float | None:
        """How long QuickBooks is not asked for this business, because it kept failing; 0: it may be tried. None: all is well."""
        return self.breaker.rest_seconds(self.realms.get(business_id, ""))

    async def read_company(self, realm_id: str, access_token: SecretStr) -> Payload:
        """CompanyInfo, read with a token that is not kept yet: whether it opens this realm.

        Raises:
            QBOError: it does not, or QuickBooks does not answer.
        """
        client = QBORawClient(
            realm_id,
            http=self.http,
            settings=self.settings,
            tokens=OneToken(access_token),
            limiter=self.limiter,
            clock=self.clock,
            patience=_PROBE_PATIENCE,
        )
        return await client.get_company_info_from_qbo()

    async def probe(self, business_id: UUID) -> ProbedCompany:
        """CompanyInfo, asked straight, whatever failed before.

        Raises:
            RailError: QuickBooks does not answer, or not to us.
        """
        client = await self.client(business_id, Lane.USER, _HEALTH_PATIENCE, RailBreaker(None, rail=Rail.QBO.value))
        try:
            with counted_as(HEALTH_FEATURE):
                answer = await client.company_info()
        except QBOError as error:
            raise to_rail_error(error) from error
        return ProbedCompany(answer.payload.get("CompanyName"), timedelta(seconds=answer.cost.http_seconds))

    async def client(
        self, business_id: UUID, lane: Lane, patience: Patience, breaker: RailBreaker | None = None
    ) -> QBORawClient:
        """The raw client of a business; `breaker` in place of the process's own.

        Raises:
            RailNeedsReconnect: the business was never connected, or its grant is gone; no call was made.
        """
        try:
            grant = await self.tokens.get(business_id, Rail.QBO)
        except NotConnected as error:
            raise RailNeedsReconnect("This business is not connected to QuickBooks yet.") from error
        if grant.needs_reconnect_at is not None:
            raise RailNeedsReconnect(f"QuickBooks must be connected again ({grant.reconnect_reason}).")
        if len(self.realms) >= _MOST_REALMS:
            self.realms.clear()
        self.realms[business_id] = grant.external_account_id
        return QBORawClient(
            grant.external_account_id,
            http=self.http,
            settings=self.settings,
            tokens=self.auth.tokens_of(business_id),
            limiter=self.limiter,
            lane=lane,
            patience=patience,
            clock=self.clock,
            breaker=breaker or self.breaker,
            count=self.calls.counter(business_id, Rail.QBO, otherwise=lane.value),
        )


@dataclass(frozen=True)
class Services:
    """One process's services. `of(business)` binds those of one business; they are cheap to make.

    `uow` opens transactions on books, of the businesses it is given, and `reads` reads them on the paths that every request takes; `access_uow` on people and what lets them in; `jobs_uow` on
    the queue (infra/db/roles.py). `token_uses` are the uses this process has noted already.
    """

    settings: Settings
    clock: Clock
    engine: AsyncEngine
    uow: UnitOfWorkFactory
    reads: Reads
    access_uow: UnitOfWorkFactory
    access_reads: Reads
    jobs_uow: UnitOfWorkFactory
    redis: Redis
    doorbell: Doorbell
    in_flight: RefreshesInFlight
    timing: SyncTimingManager
    webhook_refusals: OnceAMinute
    access: AccessService
    door: FrontDoor
    mail_room: MailRoom
    token_uses: set[TokenUse]
    businesses: BusinessService
    qbo_connections: ConnectionService
    qbo: QBORail | None
    action_changes: Changes
    readiness: Readiness
    installation: InstallationHealth

    @property
    def qbo_rail(self) -> QBORail:
        """What reaching QBO takes.

        Raises:
            RailNotEnabled: `OODALOO_RAILS` does not name it.
        """
        if self.qbo is None:
            raise RailNotEnabled(Rail.QBO)
        return self.qbo

    async def lose_qbo_grant(self, business_id: UUID, reason: str, seen_at: datetime) -> None:
        """From now on no call is made for this business until a person connects it again; unless one has since `seen_at`."""
        now = self.clock.now()

        async def is_still_that_one(uow: UnitOfWork) -> bool:
            return await self.qbo_connections.mark_needs_reconnect(
                uow.session, business_id, reason=reason, now=now, seen_at=seen_at
            )

        tokens = self.qbo_rail.tokens
        await tokens.mark_needs_reconnect(business_id, Rail.QBO, reason=reason, at=now, if_also=is_still_that_one)

    @property
    def disconnecting(self) -> DisconnectQBO:
        return DisconnectQBO(uow=self.uow, connections=self.qbo_connections, auth=self.qbo_rail.auth, clock=self.clock)

    @property
    def watch(self) -> Watch:
        """Raises and ends the notices about the books."""
        return Watch(
            uow=self.uow,
            access_uow=self.access_uow,
            jobs_uow=self.jobs_uow,
            connections=self.qbo_connections,
            budget=self.qbo.budget if self.qbo is not None else None,
            post=lambda: Post(open_keyring(self.settings.keyring, self.settings.servers)),
            clock=self.clock,
            public_url=str(self.settings.web.public_url),
        )

    def of(self, business: Business) -> "BusinessServices":
        rail = self.qbo_rail
        sync = QBOSyncService(
            business.id,
            specs=MIRROR_SPECS,
            clients=rail.client,
            uow=self.uow,
            reads=self.reads,
            clock=self.clock,
            in_flight=self.in_flight,
            time_zone=ZoneInfo(business.time_zone),
            on_lost_grant=self.lose_qbo_grant,
            on_changed=self.follow_books,
            timing=self.timing,
            rest_seconds=rail.rest_seconds,
        )
        return BusinessServices(business=business, sync=sync, actions=self.actions, uow=self.uow)

    async def sync_of(self, business_id: UUID) -> QBOSyncService:
        """The sync of a business, for jobs.

        Raises:
            BusinessNotFound: no such business.
        """
        async with self.uow([business_id]) as uow:
            business = await self.businesses.get_business(uow.session, business_id)
        return self.of(business).sync

    @property
    def actions(self) -> ActionEngine:
        """The only door to writing on a rail's books."""
        workshop = Workshop(
            specs=ACTION_SPECS,
            uow=self.uow,
            rails={Rail.QBO: self._qbo_action_rail},
            account_of=account_of,
            clock=self.clock,
            environment=self.settings.edge.environment.value,
            tell=ActionNotices(self.clock).tell,
        )
        return ActionEngine(workshop, changes=self.action_changes)

    async def _qbo_action_rail(self, business_id: UUID) -> ActionRail:
        rail = await (await self.sync_of(business_id)).action_rail()
        post = Post(open_keyring(self.settings.keyring, self.settings.servers))
        return LetterRail(rail, access_uow=self.access_uow, post=post, clock=self.clock)

    @property
    def qbo_webhooks(self) -> QBOWebhooks:
        return QBOWebhooks(
            tokens=self.qbo_rail.settings.webhook_verifier_tokens,
            jobs_uow=self.jobs_uow,
            uow=self.uow,
            connections=self.qbo_connections,
            clock=self.clock,
        )

    @property
    def housekeeping(self) -> Housekeeping:
        return Housekeeping(uow=self.uow, jobs_uow=self.jobs_uow, access_uow=self.access_uow, clock=self.clock)

    @property
    def due_syncs(self) -> DueSyncs:
        return DueSyncs(
            timing=self.timing,
            jobs_uow=self.jobs_uow,
            sync_of=self.sync_of,
            clock=self.clock,
            at_once=self.settings.sync.sync_at_once,
        )

    async def follow_books(self, business_id: UUID, entities: AbstractSet[str]) -> None:
        """After a sync that changed `entities`: what of the business itself comes from its books, and what that did to approvals."""
        if PREFERENCES_FROM_QBO.entity in entities:
            async with self.uow([business_id]) as uow:
                await self.businesses.follow_preferences(uow.session, business_id)
        await ApprovalWatch(self.uow, self.clock).look(business_id, entities)


@dataclass(frozen=True)
class BusinessServices:
    """The domains' services of one business."""

    business: Business
    sync: QBOSyncService
    actions: ActionEngine
    uow: UnitOfWorkFactory

    @property
    def bills(self) -> BillService:
        return BillService(self.business.id, self.sync)

    @property
    def approvals(self) -> ApprovalService:
        return ApprovalService(self.business.id, home_currency=self.business.home_currency, spent=list_spent)

    @property
    def paying(self) -> PayingService:
        return PayingService(
            self.business.id,
            home_currency=self.business.home_currency,
            engine=self.actions,
            approvals=self.approvals,
        )

    @property
    def paying_bills(self) -> PayingBills:
        return PayingBills(self.business, uow=self.uow, paying=self.paying, today=self.sync.today())

    @property
    def paying_batches(self) -> PayingBatches:
        return PayingBatches(self.paying_bills)

    @property
    def collections(self) -> CollectionsService:
        return CollectionsService(
            self.business.id,
            name=self.business.name,
            home_currency=self.business.home_currency,
            engine=self.actions,
        )

    @property
    def collecting(self) -> Collecting:
        return Collecting(self.business, uow=self.uow, collections=self.collections, today=self.sync.today())

    @property
    def payments(self) -> PaymentService:
        return PaymentService(self.business.id, self.sync)

    @property
    def vendors(self) -> VendorService:
        return VendorService(self.business.id, self.sync)

    @property
    def invoices(self) -> InvoiceService:
        return InvoiceService(self.business.id, self.sync)

    @property
    def receipts(self) -> ReceiptService:
        return ReceiptService(self.business.id, self.sync)

    @property
    def customers(self) -> CustomerService:
        return CustomerService(self.business.id, self.sync)

    @property
    def cash(self) -> CashService:
        return CashService(self.business.id, self.sync)

    @property
    def company(self) -> CompanyService:
        return CompanyService(self.business.id, self.sync)


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


def keyring_path(keyring: KeyringSettings, servers: ServerSettings) -> Path:
    return keyring.keyring_file or servers.home / "keyring.json"


def open_keyring(keyring: KeyringSettings, servers: ServerSettings) -> Keyring:
    """One that was named must be there: a new key in its place would seal what nothing opens once the right file is back."""
    return Keyring.load(keyring_path(keyring, servers), create=keyring.keyring_file is None)


@asynccontextmanager
async def open_services(
    settings: Settings, addresses: ServerAddresses, *, clock: Clock | None = None
) -> AsyncIterator[Services]:
    """Open what a process holds (connections, pools) and close it at the block's end."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        engine = create_engine(addresses.database_app_url, pool_size=settings.servers.database_pool_size)
        stack.push_async_callback(engine.dispose)
        redis = Redis.from_url(addresses.redis_url, socket_timeout=1, socket_connect_timeout=1)
        stack.push_async_callback(redis.aclose)
        doorbell = Doorbell(addresses.redis_url, function=JOB_ENTRY)
        stack.callback(doorbell.close)
        uow = unit_of_work_factory(engine, ring=doorbell.ring)
        access_engine = create_engine(addresses.database_access_url, pool_size=_ACCESS_POOL)
        stack.push_async_callback(access_engine.dispose)
        jobs_engine = create_engine(addresses.database_jobs_url, pool_size=_JOBS_POOL)
        stack.push_async_callback(jobs_engine.dispose)
        access_uow = unit_of_work_factory(access_engine, ring=doorbell.ring)
        reads = Reads(addresses.database_app_url, pool_size=settings.servers.database_pool_size)
        stack.push_async_callback(reads.close)
        access_reads = Reads(addresses.database_access_url, pool_size=_ACCESS_POOL)
        stack.push_async_callback(access_reads.close)
        in_flight = RefreshesInFlight()
        action_changes = await stack.enter_async_context(aclosing(Changes(addresses.database_app_url)))
        jobs_uow = unit_of_work_factory(jobs_engine, ring=doorbell.ring)
        stack.push_async_callback(_tell_counts, redis, jobs_uow)
        stack.push_async_callback(_end, asyncio.create_task(_keep_telling_counts(redis, jobs_uow)))
        budget = CallBudget(
            uow=uow,
            jobs_uow=jobs_uow,
            rail=Rail.QBO,
            allowance=settings.qbo.monthly_calls if settings.qbo is not None else 1,
            clock=clock,
        )
        timing = SyncTimingManager(uow, settings=settings.sync, thrifty=budget.thrifty)
        stack.push_async_callback(timing.flush)
        keyring = open_keyring(settings.keyring, settings.servers)
        engines = {APP: engine, ACCESS: access_engine, JOBS: jobs_engine}
        readiness = Readiness(engines=engines, redis=redis, keyring=keyring)
        stack.push_async_callback(readiness.close)
        installation = InstallationHealth(
            engines=engines,
            reads={APP: reads, ACCESS: access_reads},
            jobs_uow=jobs_uow,
            redis=redis,
            redis_url=addresses.redis_url,
            sealer_url=addresses.database_sealer_url,
            clock=clock,
        )
        stack.push_async_callback(installation.close)
        qbo = None
        if settings.qbo is not None:
            http = await stack.enter_async_context(open_http(settings.qbo))
            tokens = RailTokenStore(uow, keyring=keyring)
            spool = TokenSpool(settings.servers.home / SPOOL_DIRECTORY, keyring=keyring)
            oauth = IntuitOAuth(http=http, settings=settings.qbo, clock=clock)
            auth = QBOAuth(store=tokens, oauth=oauth, database_url=addresses.database_app_url, clock=clock, spool=spool)
            stack.push_async_callback(auth.close)
            await auth.take_spooled()
            limiter = RailLimiter(
                redis, rail=Rail.QBO.value, limits=Limits.of_qbo(settings.qbo), app=settings.qbo.client_id
            )
            await limiter.begin()
            calls = CallTally(uow, clock=clock)
            stack.push_async_callback(calls.flush)
            stack.push_async_callback(_end, asyncio.create_task(calls.keep_writing()))
            qbo = QBORail(
                oauth=oauth,
                auth=auth,
                tokens=tokens,
                limiter=limiter,
                settings=settings.qbo,
                clock=clock,
                http=http,
                breaker=RailBreaker(redis, rail=Rail.QBO.value),
                calls=calls,
                budget=budget,
            )
        stack.push_async_callback(in_flight.close)  # first of all to close: a refresh uses everything above
        yield Services(
            settings=settings,
            clock=clock,
            engine=engine,
            uow=uow,
            reads=reads,
            access_uow=access_uow,
            access_reads=access_reads,
            jobs_uow=jobs_uow,
            redis=redis,
            doorbell=doorbell,
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
            mail_room=MailRoom(
                access_uow=access_uow,
                keyring=keyring,
                carrier=carrier_of(settings.mail, home=settings.servers.home),
                sender=settings.mail.mail_from,
                clock=clock,
            ),
            token_uses=set(),
            businesses=BusinessService(),
            qbo_connections=ConnectionService(Rail.QBO)
            if qbo is None
            else ConnectionService(Rail.QBO, probe=qbo.probe),
            qbo=qbo,
            action_changes=action_changes,
            readiness=readiness,
            installation=installation,
        )
