"""Simulator, servers and product, set up together: companies connected and read for the first time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
from pydantic import SecretStr

from benchmarks.rig import Rig, superuser_url
from benchmarks.soak.books import make_companies
from benchmarks.soak.judging import waiting_in_words
from benchmarks.soak.machinery import VERIFIER_TOKEN, Machinery
from benchmarks.soak.moved_time import MovedTime
from infra.config import KeyringSettings, QBOSettings, RailSettings, ServerSettings, WebSettings
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError
from infra.jobs import outbox
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.oauth import TokenGrant
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from infra.qbo.simulator.webhooks.subscription import read_subscription
from runway.jobs import JOBS
from runway.services import Services
from runway.settings import Settings
from runway.sign_in import issue_token
from runway.wiring import open_services

_LIFETIME = timedelta(hours=1)
_WEBHOOK_DELAY_SECONDS = 2


class TooSlow(OodalooError):
    def __init__(self, what: str, seconds: float, *, waiting: str = "") -> None:
        super().__init__("\n".join([f"{what} was not so within {seconds:g} s.", *waiting.splitlines()]))


@dataclass(frozen=True)
class Connected:
    """A business that mirrors a realm, and a token that reads it."""

    business_id: UUID
    realm_id: str
    token: str


@dataclass
class Stage:
    rig: Rig
    clock: MovedTime
    simulator: Simulator
    machinery: Machinery
    services: Services
    root_url: str
    businesses: list[Connected]

    def root(self) -> "psycopg.Connection[tuple[object, ...]]":
        """As superuser, whom no wall stops."""
        return psycopg.connect(self.root_url, autocommit=True)

    async def connect(self, token_name: str) -> None:
        """A business for each company, and its books asked for."""
        for realm_id in self.simulator.companies:
            issued = await issue_token(
                self.services.access_uow, f"Company {realm_id}", name=token_name, lifetime=timedelta(days=365)
            )
            one = Connected(issued.business_id, realm_id, issued.token)
            await self._grant_access(one)
            self.businesses.append(one)

    async def reconnect(self) -> int:
        """As people do whose grant is gone; how many had to."""
        lost = "SELECT business_id FROM connection WHERE state = 'needs_reconnect'"
        with self.root() as root:
            gone = {row[0] for row in root.execute(lost).fetchall()}
        for one in self.businesses:
            if one.business_id in gone:
                await self._grant_access(one)
        return len(gone)

    async def _grant_access(self, one: Connected) -> None:
        """As Intuit's callback leaves it: claimed, its tokens kept, its reading asked for."""

        async def claim(uow: UnitOfWork) -> None:
            await self.services.qbo_connections.finish_connect(
                uow.session, one.business_id, external_account_id=one.realm_id, now=self.clock.now()
            )
            uow.enqueue(BACKFILL, str(one.business_id), queue="bulk")

        auth = self.services.qbo_rail.auth
        await auth.connect(one.business_id, one.realm_id, grant=self._grant(one.realm_id), also=claim)

    async def ask(self, job: str, *business_ids: UUID) -> None:
        """Have a worker do `job`, for each business or for all at once."""
        for business_id in business_ids or (None,):
            arguments = () if business_id is None else (str(business_id),)
            async with self.services.jobs_uow([]) as uow:
                ring = await outbox.ask_once(
                    uow.session, job, *arguments, key="cron", queue=JOBS[job].queue, business_id=business_id
                )
                uow.ring_for(ring)

    async def until(
        self, what: str, is_so: Callable[["psycopg.Connection[tuple[object, ...]]"], bool], *, seconds: float
    ) -> None:
        """Raises:
        TooSlow: it is not so in time.
        """
        deadline = time.monotonic() + seconds
        with self.root() as root:
            while not await asyncio.to_thread(is_so, root):
                self.machinery.check()
                if time.monotonic() > deadline:
                    raise TooSlow(what, seconds, waiting=waiting_in_words(root))
                await asyncio.sleep(0.2)

    def _grant(self, realm_id: str) -> TokenGrant:
        now, oauth = self.clock.now(), self.simulator.oauth
        given = oauth.grant(realm_id, client_id=oauth.client_id)
        return TokenGrant(
            access_token=SecretStr(given["access_token"]),
            refresh_token=SecretStr(given["refresh_token"]),
            issued_at=now,
            expires_at=now + _LIFETIME,
            refresh_expires_at=now + 100 * 24 * _LIFETIME,
        )


@asynccontextmanager
async def open_stage(
    rig: Rig, *, companies: int, acts: int, workers: int, job_lease_seconds: float | None, seed: int
) -> AsyncIterator[Stage]:
    clock = MovedTime(rig.home / "ahead")
    made = await asyncio.to_thread(make_companies, companies, acts=acts, clock=clock, seed=seed)
    # Intuit gives out a new refresh token about once a day. One that a killed process had just received is lost to us for ever.
    simulator = Simulator(made, clock=SimulatedClock(clock), seed=seed, rotate_always=False)
    async with AsyncExitStack() as stack:
        info = await stack.enter_async_context(running_simulator(simulator))
        machinery = Machinery(rig, info, clock_file=rig.home / "ahead", job_lease_seconds=job_lease_seconds, seed=seed)
        stack.callback(machinery.stop)
        machinery.start(workers=workers)
        services = await stack.enter_async_context(open_services(_settings(rig.home, info), rig.addresses, clock=clock))
        root = superuser_url(rig.addresses)
        stage = Stage(
            rig, clock, simulator, machinery, services, root.render_as_string(hide_password=False), businesses=[]
        )
        await _wait_until_up(stage)
        form = "legacy" if seed % 2 else "cloudevents"
        simulator.webhooks.subscribe(read_subscription({
            "url": f"{machinery.url}/api/v1/webhooks/qbo", "verifier_token": VERIFIER_TOKEN, "format": form,
            "delay_seconds": _WEBHOOK_DELAY_SECONDS,
        }))  # fmt: skip
        yield stage


def _settings(home: Path, info: SimulatorInfo) -> Settings:
    named = ("client_id", "client_secret", "api_url", "discovery_url")
    return Settings(
        servers=ServerSettings(home=home),
        rails=RailSettings(),
        web=WebSettings(),
        keyring=KeyringSettings(keyring_file=None),
        qbo=QBOSettings.model_validate({name: getattr(info, name) for name in named}),
    )


async def _wait_until_up(stage: Stage) -> None:
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < deadline:
            stage.machinery.check()
            try:
                if (await http.get(f"{stage.machinery.url}/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise TooSlow("The web app's start", 60)
