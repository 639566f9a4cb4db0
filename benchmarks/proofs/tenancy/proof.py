import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from psycopg import Connection
from pydantic import SecretStr
from rich.progress import Progress
from sqlalchemy import make_url

from benchmarks.proofs.tenancy.books import fill_books
from benchmarks.proofs.tenancy.draws import MIX
from benchmarks.proofs.tenancy.probe import Probe
from benchmarks.proofs.tenancy.storm import Storm, Tally
from benchmarks.proofs.tenancy.world import World, build
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from benchmarks.rig import open_rig
from infra.config import EdgeSettings, KeyringSettings, QBOSettings, Rail, RailSettings, ServerSettings, WebSettings
from infra.embedded.postgres import SUPERUSER
from infra.embedded.roles import connect
from infra.embedded.servers import ServerAddresses
from infra.security.rail_tokens import RailGrant
from runway.app import create_app
from runway.services import Services
from runway.settings import Settings, open_keyring

_PUBLIC_URL = "http://oodaloo.test"
_NOWHERE = "http://127.0.0.1:9"
_A_WORLD = 2500  # requests; by then changes have worn it
_BUSINESSES = 10
LEAST_SUCCESSES = "least successes of a role with a permission"


@dataclass
class Stage:
    """The application, and the database seen from above it and from within its role."""

    app: FastAPI
    http: httpx.AsyncClient
    root: Connection[Any]
    inside: Connection[Any]
    settings: Settings

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def make_world(self, chance: random.Random, *, businesses: int) -> World:
        keyring = open_keyring(self.settings.keyring, self.settings.servers)
        with self.root.transaction():
            world = build(self.root, chance, keyring=keyring, businesses=businesses)
        await fill_books(world, self.services.uow, self.root)
        await self._give_grants(world)
        return world

    async def _give_grants(self, world: World) -> None:
        """Each had one and lost it: what is to be recorded in QuickBooks is taken, and waits."""
        now = self.services.clock.now()
        for business in world.businesses:
            grant = RailGrant(
                external_account_id=str(business.int)[-18:],
                access_token=SecretStr("gone"),
                refresh_token=SecretStr("gone"),
                issued_at=now,
                expires_at=now,
                refresh_expires_at=now,
                needs_reconnect_at=now,
                reconnect_reason="invalid_grant",
            )
            await self.services.qbo_rail.tokens.save(business, Rail.QBO, grant=grant, at=now)

    def storm_of(
        self,
        world: World,
        chance: random.Random,
        tally: Tally,
        *,
        mix: tuple[float, float] = MIX,
        focus: Collection[str] = (),
    ) -> Storm:
        """One world's requests, to be added to `tally`."""
        return Storm(self.app, self.http, self.root, Probe(self.inside), world, chance, tally, mix, focus)


async def run(*, requests: int) -> ProofResult:
    """The proof at full size, and then what is broken on purpose."""
    from benchmarks.proofs.tenancy.teeth import find_what_is_broken

    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("Requests of many tenants", total=requests)
        tally = Tally()
        async with open_stage(rig.addresses, rig.home) as stage:
            began = time.perf_counter()
            seed = 1
            while tally.requests < requests:
                size = min(_A_WORLD, requests - tally.requests)
                await _storm(stage, tally, requests=size, seed=seed, told=lambda n: progress.update(task, completed=n))
                seed += 1
            seconds = time.perf_counter() - began
            teeth = await find_what_is_broken(stage, seed=seed)
    tell(tally)
    rate = reported("requests a second", tally.requests / seconds, "requests/s")
    return ProofResult("tenancy", (*measures_of(tally, requests=requests, each=20), rate, *teeth))


async def _storm(
    stage: Stage,
    tally: Tally,
    *,
    requests: int,
    seed: int,
    businesses: int = _BUSINESSES,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    world = await stage.make_world(chance, businesses=businesses)
    await stage.storm_of(world, chance, tally).run(requests, told=told)


async def prove(stage: Stage, *, requests: int, seed: int) -> tuple[ProofResult, Tally]:
    """One small world."""
    tally = Tally()
    await _storm(stage, tally, requests=requests, seed=seed, businesses=5)
    return ProofResult("tenancy", tuple(measures_of(tally, requests=requests, each=1))), tally


def measures_of(tally: Tally, *, requests: int, each: int) -> list[Measure]:
    """`each`: how often every role must have been let in with every permission of theirs that a route asks for."""
    least = min((tally.served[pair] for pair in tally.pairs), default=0)
    return [
        at_least("requests", tally.requests, "requests", bar=requests),
        at_least("of them to be refused", tally.refused, "requests", bar=requests // 5),
        at_least(LEAST_SUCCESSES, least, "requests", bar=each),
        reported("roles and permissions with a route", len(tally.pairs), "pairs"),
        reported("routes taken at their word, the oracle has none", len(tally.unknown), "routes"),
        reported("routes and methods tried", len(tally.routes), "routes"),
        at_most("answers with another tenant's words or ids", tally.count("leak"), "answers", bar=0),
        at_most("let in without the right to", tally.count("let in", "gift"), "answers", bar=0),
        at_most("turned away with the right to", tally.count("turned away"), "answers", bar=0),
        at_most("changes by a refused request, or of others' rows", tally.count("changed"), "requests", bar=0),
        at_most("errors beyond the documented 503", tally.count("5xx", "no problem"), "answers", bar=0),
        at_most("routes that declare another need", tally.count("declared"), "requests", bar=0),
        at_least("another's id beside nobody's", tally.twins, "pairs", bar=requests // 20),
        at_most("told apart", tally.count("told apart"), "pairs", bar=0),
        at_least("rows read in the application's role", tally.probed_rows, "rows", bar=requests // 2),
        at_most("of them another tenant's, or missing", tally.count("probe"), "tables", bar=0),
    ]


def tell(tally: Tally) -> None:
    for kind, what in tally.wrong[:20]:
        print(f"{kind}: {what}", file=sys.stderr)


@asynccontextmanager
async def open_stage(addresses: ServerAddresses, home: Path) -> AsyncIterator[Stage]:
    """The real application in this process. QuickBooks is where nobody listens."""
    settings = Settings(
        servers=ServerSettings(home=home),
        rails=RailSettings(),
        web=WebSettings.model_validate({"public_url": _PUBLIC_URL}),
        keyring=KeyringSettings(),
        qbo=QBOSettings.model_validate(
            {"client_id": "c", "client_secret": "s", "api_url": _NOWHERE, "discovery_url": f"{_NOWHERE}/discovery"}
        ),
        edge=EdgeSettings(address_per_minute=1_000_000, credential_per_minute=1_000_000, money_per_minute=1_000_000),
    )
    superuser = make_url(addresses.database_app_url).set(username=SUPERUSER).render_as_string(hide_password=False)
    app = create_app(settings, addresses)
    with connect(superuser) as root, connect(addresses.database_app_url) as inside:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=_PUBLIC_URL) as http,
        ):
            http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # each request brings its own
            yield Stage(app, http, root, inside, settings)
