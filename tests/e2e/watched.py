"""An application that may lose its database and its Redis, and what watchers read of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import make_url

from infra.db.roles import ACCESS, APP, JOBS, OWNER, SEALER
from infra.embedded.roles import connect
from infra.embedded.servers import ServerAddresses
from infra.embedded.valkey import EmbeddedValkey
from infra.ids import new_id
from runway.app import create_app
from tests.e2e.people import Browser, join_firm, open_business, open_firm, sign_up
from tests.e2e.rest import PUBLIC_URL, UNHURRIED, Web, settings_for
from tests.e2e.town import MovedClock
from tests.rig import Database

METRICS_TOKEN = "a-token-of-the-metrics"


@dataclass
class Watched:
    """An application on a database and a Redis of its own, which may be taken away."""

    web: Web
    database: Database
    valkey: EmbeddedValkey
    clock: MovedClock

    def look_again(self) -> None:
        self.web.services.readiness.forget()
        self.web.services.installation.forget()

    async def ready(self) -> httpx.Response:
        self.look_again()
        return await self.web.http.get("/readyz")

    async def metrics(self, token: str = METRICS_TOKEN) -> httpx.Response:
        self.look_again()
        return await self.web.http.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    async def standing(self, admin: Browser) -> dict[str, Any]:
        self.look_again()
        data: dict[str, Any] = (await admin.get("/admin/health"))["data"]
        return data

    async def parts(self, admin: Browser) -> dict[str, dict[str, Any]]:
        return parts_of(await self.standing(admin))

    @asynccontextmanager
    async def without_redis(self) -> AsyncIterator[None]:
        self.valkey.stop()
        try:
            yield
        finally:
            self.valkey.start()

    @asynccontextmanager
    async def without_role(self, role: str) -> AsyncIterator[None]:
        """The role is refused at this database, and its connections are cut."""
        name, refused = sql.Identifier(self.name), sql.Identifier(role)
        with connect(self.database.superuser_url) as root:
            for other in {APP, ACCESS, JOBS, SEALER, OWNER} - {role}:
                root.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(other)))
            root.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC, {}").format(name, refused))
            root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND datname = %s",
                [role, self.name],
            )
            try:
                yield
            finally:
                root.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC, {}").format(name, refused))

    @property
    def name(self) -> str:
        return str(make_url(self.database.app_url).database)


@asynccontextmanager
async def open_watched(database: Database, home: Path, *, run: Path) -> AsyncIterator[Watched]:
    """`run` is for sockets, whose paths are short."""
    clock = MovedClock()
    with EmbeddedValkey(home / "redis", run=run) as valkey:
        edge = UNHURRIED.model_copy(update={"metrics_token": SecretStr(METRICS_TOKEN)})
        addresses = ServerAddresses(
            database_owner_url=database.owner_url,
            database_app_url=database.app_url,
            redis_url=f"unix://{valkey.address}",
        )
        app = create_app(replace(settings_for(home, None), edge=edge), addresses, clock=clock)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
                yield Watched(Web(app, http), database, valkey, clock)


async def admin_of(web: Web, *, businesses: int = 1) -> tuple[Browser, list[UUID]]:
    firm_id = await open_firm(web)
    ids = [await open_business(web, firm_id=firm_id) for _ in range(businesses)]
    return await join_firm(await sign_up(web), firm_id), ids


def parts_of(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in data["parts"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def connected(web: Web, business_id: UUID) -> None:
    services = web.services
    async with services.uow([business_id]) as uow:
        await services.qbo_connections.finish_connect(
            uow.session, business_id, external_account_id=str(new_id().int)[-18:], now=services.clock.now()
        )


async def series(watched: Watched) -> dict[str, list[dict[str, str]]]:
    """Every sample's labels by its name. It must parse."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families((await watched.metrics()).text):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            if labels not in found.setdefault(sample.name, []):
                found[sample.name].append(labels)
    return found


def value_of(text: str, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    raise AssertionError(f"There is no {name} with {labels}.")
