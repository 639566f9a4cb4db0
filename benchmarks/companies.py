"""Companies of the simulator, connected to businesses of ours: what the proofs of sync and jobs work on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select

from infra.clock import Clock, SystemClock
from infra.config import EdgeSettings, KeyringSettings, QBOSettings, RailSettings, ServerSettings, WebSettings
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id
from infra.qbo.oauth import TokenGrant
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from runway.app import create_app
from runway.registry import MIRROR_SPECS
from runway.services import Services
from runway.settings import Settings

TOKENS = ("the-current-verifier-token", "the-one-before")
SITE = "http://127.0.0.1:8000"
_SPECS = {spec.entity: spec for spec in MIRROR_SPECS}
_UNHURRIED = EdgeSettings(address_per_minute=10_000_000, credential_per_minute=10_000_000)


@dataclass(frozen=True)
class ConnectedCompany:
    """A business of ours, and its company as QBO has it."""

    business_id: UUID
    company: Company
    services: Services

    async def sync(self) -> None:
        """Read it whole, or what is left of that, and what changed since."""
        await (await self.services.sync_of(self.business_id)).backfill(actor="proof")

    async def differing(self) -> list[str]:
        """The objects that are not the same in mirror and books, missing and surplus ones too."""
        found = []
        for entity, spec in _SPECS.items():
            truth = {
                external_id: blake2b(record.encoded(), digest_size=16).digest()
                for external_id, record in self.company.stores[entity].records.items()
            }
            mirror = spec.mirror
            query = select(mirror.external_id, mirror.payload_hash).where(
                mirror.business_id == self.business_id, mirror.deleted_at.is_(None)
            )
            async with self.services.uow([self.business_id]) as uow:
                held = {external_id: bytes(digest) for external_id, digest in await uow.session.execute(query)}
            found += [f"{entity} {key}" for key in truth.keys() | held.keys() if truth.get(key) != held.get(key)]
        return found

    async def broken_histories(self) -> int:
        """Objects whose log is not exactly their versions, one each, from the first on: what was lost or doubled."""
        broken = 0
        for spec in _SPECS.values():
            mirror, log = spec.mirror, spec.log
            logged = (
                select(log.entity_id, func.count().label("rows"), func.max(log.version).label("latest"))
                .where(log.business_id == self.business_id)
                .group_by(log.entity_id)
                .subquery()
            )
            query = (
                select(func.count())
                .select_from(mirror)
                .outerjoin(logged, logged.c.entity_id == mirror.id)
                .where(
                    mirror.business_id == self.business_id,
                    (func.coalesce(logged.c.rows, 0) != mirror.version) | (logged.c.latest != mirror.version),
                )
            )
            async with self.services.uow([self.business_id]) as uow:
                broken += (await uow.session.execute(query)).scalar_one()
        return broken


@dataclass(frozen=True)
class Town:
    """The application with every company connected, none read yet. `http` goes through all of it but the socket."""

    services: Services
    simulator: Simulator
    companies: Sequence[ConnectedCompany]
    http: httpx.AsyncClient
    environment: Mapping[str, str]


@asynccontextmanager
async def open_town(
    addresses: ServerAddresses,
    *,
    home: Path,
    files: Sequence[CompanyFile],
    clock: Clock | None = None,
    latency_ms: float = 0,
) -> AsyncIterator[Town]:
    """`environment` is what a worker or scheduler process needs to work on the same."""
    clock = clock or SystemClock()
    companies = [
        load_company(file.model_copy(update={"realm_id": str(new_id().int)[-18:]}), clock=clock) for file in files
    ]
    simulator = Simulator(companies, clock=clock, limits=False, latency_ms=latency_ms)
    async with running_simulator(simulator) as info:
        app = create_app(_settings(home, info), addresses, clock=clock)
        async with app.router.lifespan_context(app):
            services: Services = app.state.services
            connected = [
                ConnectedCompany(await _connect(services, simulator, info, company), company, services)
                for company in companies
            ]
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SITE) as http:
                yield Town(services, simulator, connected, http, _environment(home, info, addresses))


async def _connect(services: Services, simulator: Simulator, info: SimulatorInfo, company: Company) -> UUID:
    """As the consent page and its callback leave it, without the wish for a first reading."""
    now = services.clock.now()
    async with services.access_uow([]) as uow:
        business = await services.businesses.create_business(uow.session, f"Proof {company.realm_id}", now=now)
    granted = simulator.oauth.grant(company.realm_id, client_id=info.client_id)
    grant = TokenGrant(
        access_token=SecretStr(granted["access_token"]),
        refresh_token=SecretStr(granted["refresh_token"]),
        issued_at=now,
        expires_at=now + timedelta(hours=1),
        refresh_expires_at=now + timedelta(days=100),
    )
    await services.qbo_rail.auth.connect(business.id, company.realm_id, grant=grant)
    async with services.uow([business.id]) as uow:
        await services.qbo_connections.finish_connect(
            uow.session, business.id, external_account_id=company.realm_id, now=now
        )
    return business.id


def _settings(home: Path, info: SimulatorInfo) -> Settings:
    return Settings(
        servers=ServerSettings(home=home, database_url=None, redis_url=None),
        rails=RailSettings(),
        web=WebSettings.model_validate({"public_url": SITE}),
        keyring=KeyringSettings(),
        qbo=QBOSettings.model_validate({
            "client_id": info.client_id,
            "client_secret": info.client_secret,
            "api_url": info.api_url,
            "discovery_url": info.discovery_url,
            "webhook_verifier_tokens": list(TOKENS),
        }),
        edge=_UNHURRIED,
    )  # fmt: skip


def _environment(home: Path, info: SimulatorInfo, addresses: ServerAddresses) -> dict[str, str]:
    return {
        "OODALOO_HOME": str(home),
        "OODALOO_DATABASE_URL": addresses.database_app_url,
        "OODALOO_DATABASE_OWNER_URL": addresses.database_owner_url,
        "OODALOO_REDIS_URL": addresses.redis_url,
        "QBO_CLIENT_ID": info.client_id,
        "QBO_CLIENT_SECRET": info.client_secret,
        "QBO_API_URL": info.api_url,
        "QBO_DISCOVERY_URL": info.discovery_url,
        "QBO_WEBHOOK_VERIFIER_TOKENS": ",".join(TOKENS),
    }
