"""Builds services from settings, once a process (or a job). The only place that knows every concrete class."""

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from httpx import AsyncClient
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from domains.ap.bill_service import BillService
from domains.ap.payment_service import PaymentService
from domains.ap.vendor_service import VendorService
from domains.ar.customer_service import CustomerService
from domains.ar.invoice_service import InvoiceService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.core.access_service import AccessService
from domains.core.business_service import BusinessService
from domains.core.company_service import CompanyService
from domains.core.connection_service import ConnectionService
from domains.core.mirrors import PREFERENCES_FROM_QBO
from domains.core.models import Business
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
    WebSettings,
    load,
)
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.errors import RailNeedsReconnect, RailNotEnabled
from infra.jobs.doorbell import Doorbell
from infra.mail.carriers import carrier_of
from infra.mail.sending import MailRoom
from infra.production import refuse_unsafe
from infra.qbo.answers import Payload
from infra.qbo.auth import QBOAuth
from infra.qbo.oauth import IntuitOAuth
from infra.qbo.raw_client import QBORawClient
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.tokens import OneToken
from infra.qbo.transport import Patience, open_http
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.security.keyring import Keyring
from infra.security.rail_tokens import NotConnected, RailTokenStore
from infra.security.token_spool import TokenSpool
from infra.sync.in_flight import RefreshesInFlight
from runway.orchestrators.disconnect_qbo import DisconnectQBO
from runway.orchestrators.front_door import FrontDoor, build_front_door
from runway.registry import MIRROR_SPECS

SPOOL_DIRECTORY = "token-spool"  # under the home: tokens that the database did not take
JOB_ENTRY = "runway.jobs.run_job"
TokenUse = tuple[UUID, date, str]  # which token, on what day (UTC), from what address

_ACCESS_POOL, _JOBS_POOL = 4, 2
# A person looks at an empty page meanwhile; an answer that does not come they can ask for again.
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
        )
        if settings.edge.is_production:
            refuse_unsafe(
                settings.servers, settings.web, keyring=settings.keyring, edge=settings.edge, qbo=settings.qbo
            )
        return settings


@dataclass(frozen=True)
class QBORail:
    """What reaching QBO takes, shared by all businesses of the process."""

    oauth: IntuitOAuth
    auth: QBOAuth
    tokens: RailTokenStore
    limiter: RailLimiter
    settings: QBOSettings
    clock: Clock
    http: AsyncClient

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

    async def client(self, business_id: UUID, lane: Lane, patience: Patience) -> QBORawClient:
        """The raw client of a business.

        Raises:
            RailNeedsReconnect: the business was never connected, or its grant is gone; no call was made.
        """
        try:
            grant = await self.tokens.get(business_id, Rail.QBO)
        except NotConnected as error:
            raise RailNeedsReconnect("This business is not connected to QuickBooks yet.") from error
        if grant.needs_reconnect_at is not None:
            raise RailNeedsReconnect(f"QuickBooks must be connected again ({grant.reconnect_reason}).")
        return QBORawClient(
            grant.external_account_id,
            http=self.http,
            settings=self.settings,
            tokens=self.auth.tokens_of(business_id),
            limiter=self.limiter,
            lane=lane,
            patience=patience,
            clock=self.clock,
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
    access: AccessService
    door: FrontDoor
    mail_room: MailRoom
    token_uses: set[TokenUse]
    businesses: BusinessService
    qbo_connections: ConnectionService
    qbo: QBORail | None

    @property
    def qbo_rail(self) -> QBORail:
        """What reaching QBO takes.

        Raises:
            RailNotEnabled: `OODALOO_RAILS` does not name it.
        """
        if self.qbo is None:
            raise RailNotEnabled(Rail.QBO)
        return self.qbo

    async def lose_qbo_grant(self, business_id: UUID, reason: str) -> None:
        """From now on no call is made for this business until a person connects it again."""
        now = self.clock.now()
        await self.qbo_rail.tokens.mark_needs_reconnect(business_id, Rail.QBO, reason=reason, at=now)
        async with self.uow([business_id]) as uow:
            await self.qbo_connections.mark_needs_reconnect(uow.session, business_id, reason=reason, now=now)

    @property
    def disconnecting(self) -> DisconnectQBO:
        return DisconnectQBO(uow=self.uow, connections=self.qbo_connections, auth=self.qbo_rail.auth, clock=self.clock)

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
        )
        return BusinessServices(business=business, sync=sync)

    async def follow_books(self, business_id: UUID, entities: AbstractSet[str]) -> None:
        """After a sync that changed `entities`: what of the business itself comes from its books."""
        if PREFERENCES_FROM_QBO.entity in entities:
            async with self.uow([business_id]) as uow:
                await self.businesses.follow_preferences(uow.session, business_id)


@dataclass(frozen=True)
class BusinessServices:
    """The domains' services of one business."""

    business: Business
    sync: QBOSyncService

    @property
    def bills(self) -> BillService:
        return BillService(self.business.id, self.sync)

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
        keyring = open_keyring(settings.keyring, settings.servers)
        qbo = None
        if settings.qbo is not None:
            http = await stack.enter_async_context(open_http(settings.qbo))
            tokens = RailTokenStore(uow, keyring=keyring)
            spool = TokenSpool(settings.servers.home / SPOOL_DIRECTORY, keyring=keyring)
            oauth = IntuitOAuth(http=http, settings=settings.qbo, clock=clock)
            auth = QBOAuth(store=tokens, oauth=oauth, database_url=addresses.database_app_url, clock=clock, spool=spool)
            stack.push_async_callback(auth.close)
            await auth.take_spooled()
            limiter = RailLimiter(redis, rail=Rail.QBO.value, limits=Limits.of_qbo(settings.qbo))
            qbo = QBORail(
                oauth=oauth, auth=auth, tokens=tokens, limiter=limiter, settings=settings.qbo, clock=clock, http=http
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
            jobs_uow=unit_of_work_factory(jobs_engine, ring=doorbell.ring),
            redis=redis,
            doorbell=doorbell,
            in_flight=in_flight,
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
            qbo_connections=ConnectionService(Rail.QBO),
            qbo=qbo,
        )
