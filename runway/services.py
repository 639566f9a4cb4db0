"""One process's services; those of one business are bound where they are asked for."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from domains.core.access_service import AccessService
from domains.core.business_service import BusinessService
from domains.core.connection_service import ConnectionService
from domains.core.mirrors import PREFERENCES_FROM_QBO
from domains.core.models import Business
from infra.actions.engine import ActionEngine
from infra.actions.models import ActionIntent
from infra.actions.rail import ActionRail
from infra.actions.watching import Changes
from infra.actions.workshop import Touched, Workshop
from infra.clock import Clock
from infra.config import Rail
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.errors import RailNotEnabled
from infra.jobs.doorbell import Doorbell
from infra.mail.letters import LetterRail
from infra.mail.post import Post
from infra.mail.sending import MailRoom
from infra.observability.installation import InstallationHealth
from infra.observability.readiness import Readiness
from infra.qbo.asked_jobs import ask_about
from infra.qbo.sync_service import QBOSyncService
from infra.ratelimit.once_a_minute import OnceAMinute
from infra.security.rail_tokens import account_of
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.timing import SyncTimingManager
from runway.business_services import BusinessServices
from runway.orchestrators.action_notices import ActionNotices
from runway.orchestrators.approval_watch import ApprovalWatch
from runway.orchestrators.digest_progress import DigestProgress
from runway.orchestrators.digest_sending import DigestSending
from runway.orchestrators.disconnect_qbo import DisconnectQBO
from runway.orchestrators.due_syncs import DueSyncs
from runway.orchestrators.forecast_jobs import ForecastJobs
from runway.orchestrators.forecast_shelf import ForecastShelf
from runway.orchestrators.front_door import FrontDoor
from runway.orchestrators.housekeeping import Housekeeping
from runway.orchestrators.kept_tray import TrayCounter
from runway.orchestrators.last_word import LastWord
from runway.orchestrators.portfolio import PortfolioReader
from runway.orchestrators.qbo_webhooks import QBOWebhooks
from runway.orchestrators.tray import TrayService
from runway.orchestrators.watch import Watch
from runway.qbo_rail import QBORail
from runway.registry import ACTION_SPECS, MIRROR_SPECS
from runway.settings import Settings, open_keyring

TokenUse = tuple[UUID, date, str]  # which token, on what day (UTC), from what address


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
    forecasts: ForecastShelf

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

    def of(self, business: Business) -> BusinessServices:
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
        return BusinessServices(
            business=business, sync=sync, actions=self.actions, uow=self.uow, clock=self.clock, shelf=self.forecasts
        )

    async def sync_of(self, business_id: UUID) -> QBOSyncService:
        """The sync of a business, for jobs.

        Raises:
            BusinessNotFound: no such business.
        """
        async with self.uow([business_id]) as uow:
            business = await self.businesses.get_business(uow.session, business_id)
        return self.of(business).sync

    @cached_property
    def actions(self) -> ActionEngine:
        """The only door to writing on a rail's books."""
        last_word = LastWord(self.uow, self.clock)
        workshop = Workshop(
            specs=ACTION_SPECS,
            uow=self.uow,
            rails={Rail.QBO: self._qbo_action_rail},
            account_of=account_of,
            clock=self.clock,
            environment=self.settings.edge.environment.value,
            tell=ActionNotices(self.clock).tell,
            verified=_ask_about_touched,
            last_word=last_word.say,
            stopped=last_word.stopped,
        )
        return ActionEngine(workshop, changes=self.action_changes)

    async def _qbo_action_rail(self, business_id: UUID, *, is_check: bool = False) -> ActionRail:
        rail = await (await self.sync_of(business_id)).action_rail(is_check=is_check)
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

    @property
    def tray_counter(self) -> TrayCounter:
        return TrayCounter(TrayService(uow=self.uow, clock=self.clock), uow=self.uow, clock=self.clock)

    @property
    def portfolio(self) -> PortfolioReader:
        return PortfolioReader(uow=self.uow, access_uow=self.access_uow, jobs=self.forecast_jobs, clock=self.clock)

    def digest_sending(self, business: Business) -> DigestSending:
        return DigestSending(
            business,
            data=lambda: self.of(business).digest,
            uow=self.uow,
            access_uow=self.access_uow,
            post=lambda: Post(open_keyring(self.settings.keyring, self.settings.servers)),
            clock=self.clock,
            public_url=str(self.settings.web.public_url),
        )

    @property
    def digest_progress(self) -> DigestProgress:
        return DigestProgress(uow=self.uow, access_uow=self.access_uow, jobs_uow=self.jobs_uow)

    @property
    def forecast_jobs(self) -> ForecastJobs:
        return ForecastJobs(uow=self.uow, jobs_uow=self.jobs_uow, clock=self.clock)

    async def follow_books(self, business_id: UUID, entities: AbstractSet[str]) -> None:
        """After a sync that changed `entities`: what of the business itself comes from its books, and what that did to approvals."""
        if PREFERENCES_FROM_QBO.entity in entities:
            async with self.uow([business_id]) as uow:
                await self.businesses.follow_preferences(uow.session, business_id)
        await ApprovalWatch(self.uow, self.clock).look(business_id, entities)
        await self.forecast_jobs.ask(business_id)


async def _ask_about_touched(uow: UnitOfWork, row: ActionIntent, touched: Touched) -> None:
    """After each action, what it touched is compared once more: what has a mirror."""
    mirrored = {spec.entity for spec in MIRROR_SPECS}
    ask_about(uow, row.business_id, {entity: ids for entity, ids in touched.items() if entity in mirrored})
