"""A whole application in a process of its own, logging all it can, which meets every trouble there is with recognisable secrets.

`python -m tests.e2e.canary_process APP_URL OWNER_URL REDIS_URL QBO_URL HOME FORM`: its log goes to stderr, every answer of the
API and every error as structlog renders it with local variables to stdout.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import psycopg
from pydantic import SecretStr
from structlog.tracebacks import ExceptionDictTransformer

from infra.config import (
    KeyringSettings,
    QBOSettings,
    Rail,
    RailSettings,
    ServerSettings,
    WebSettings,
)
from infra.embedded.servers import ServerAddresses
from infra.jobs.execution import execute
from infra.logging import configure_logging, get_logger
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.redaction import redact_fields
from infra.security.rail_tokens import RailGrant
from runway.app import create_app
from runway.jobs import JOBS
from runway.routes.connect import CALLBACK_PATH
from runway.services import Services
from runway.settings import Settings
from runway.sign_in import issue_token
from tests.e2e.hostile_intuit import CLIENT_SECRET, CODE, OAUTH_TROUBLES, REALM, TROUBLES

PUBLIC_URL = "http://oodaloo.test"
IMPATIENT = Patience(budget=timedelta(seconds=3), wait_for_limit=timedelta(seconds=1), retry_waits=())
with_locals = ExceptionDictTransformer(show_locals=True, locals_max_string=400, locals_max_length=20)

log = get_logger()


class Canary:
    def __init__(self, services: Services, http: httpx.AsyncClient, *, qbo_url: str, owner_url: str) -> None:
        self.services = services
        self.http = http
        self.qbo_url = qbo_url
        self.owner_url = owner_url.replace("+psycopg", "")
        self.business_id = UUID(int=0)
        self.headers: dict[str, str] = {}

    async def sign_in(self, name: str) -> None:
        issued = await issue_token(self.services.access_uow, name, name="canary", lifetime=timedelta(hours=1))
        self.business_id, self.headers = issued.business_id, {"Authorization": f"Bearer {issued.token}"}

    async def mode(self, endpoint: str, mode: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as lever:
            await lever.get(f"{self.qbo_url}/mode/{endpoint}/{mode}")

    async def connect(self, accept: str = "application/json") -> None:
        begun = await self.http.get("/api/v1/qbo/connect", headers={**self.headers, "Accept": "application/json"})
        say("begun", begun.status_code)
        if begun.status_code == 200:
            state = parse_qs(urlsplit(begun.json()["authorize_url"]).query)["state"][0]
            query = {"state": state, "code": CODE, "realmId": REALM}
            tell(await self.http.get(CALLBACK_PATH, params=query, headers={"Accept": accept}))

    async def ask(self, path: str, *, method: str = "GET") -> None:
        tell(await self.http.request(method, f"/api/v1{path}", headers=self.headers))

    async def run_jobs(self) -> None:
        with psycopg.connect(self.owner_url.replace("oodaloo_owner", "oodaloo_jobs")) as connection:
            waiting = connection.execute(
                "SELECT id FROM outbox WHERE finished_at IS NULL AND dead_at IS NULL AND arguments ? %s",
                [str(self.business_id)],
            ).fetchall()
        for (outbox_id,) in waiting:
            await execute(outbox_id, jobs=JOBS, context=self.services, uow=self.services.jobs_uow)

    async def grant_as_never_rejected(self) -> RailGrant:
        """The business's grant, stored so that a rejection is believed again."""
        tokens = self.services.qbo_rail.tokens
        grant = replace(await tokens.get(self.business_id, Rail.QBO), refreshed_after_rejection_at=None)
        await tokens.save(self.business_id, Rail.QBO, grant=grant, at=grant.issued_at)
        return grant

    @contextlib.asynccontextmanager
    async def refusing_commits(self) -> AsyncIterator[None]:
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(
                "CREATE CONSTRAINT TRIGGER canary AFTER UPDATE ON rail_token DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW WHEN (NEW.business_id = '{self.business_id}') EXECUTE FUNCTION refuse_change()"
            )
            try:
                yield
            finally:
                owner.execute("DROP TRIGGER canary ON rail_token")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def tell(answer: httpx.Response) -> None:
    say(answer.status_code, dict(answer.headers), answer.text)


async def expect_trouble(what: str, run: Callable[[], Awaitable[Any]]) -> None:
    """Run it; its error goes to the log, to stdout in words, and with local variables through what redacts."""
    try:
        await run()
    except Exception as error:
        log.warning("canary.trouble", what=what, exc_info=error, error=error, repr=repr(error), parts=vars(error))
        say("trouble", what, str(error), repr(error), error.args)
        frames = with_locals((type(error), error, error.__traceback__))
        log.warning("canary.locals", what=what, exception=frames)
        say("locals", redact_fields({"exception": frames}))
    else:
        say("no trouble", what)


async def go_through_everything(canary: Canary) -> None:
    rail = canary.services.qbo_rail
    await canary.sign_in("Canary")
    for mode in OAUTH_TROUBLES:
        await canary.mode("token", mode)
        await canary.connect("text/html" if mode.endswith("page") else "application/json")
        await expect_trouble(f"exchange {mode}", lambda: rail.oauth.exchange(SecretStr(CODE), redirect_uri=PUBLIC_URL))
        await expect_trouble(f"refresh {mode}", lambda: rail.oauth.refresh(SecretStr("CANARYrefresh0")))
        await canary.mode("revoke", mode)
        await expect_trouble(f"revoke {mode}", lambda: rail.oauth.revoke(SecretStr("CANARYrefresh0")))
    await canary.mode("token", "ok")
    for mode in ("401", "403", "400-fault", "200-malformed"):
        await canary.mode("api", mode)
        await canary.connect()
    await canary.mode("revoke", "ok")
    await canary.mode("api", "ok")
    await canary.connect()

    first = canary.business_id
    client = await rail.client(first, Lane.USER, IMPATIENT)
    for mode in TROUBLES:
        await canary.mode("api", mode)
        await canary.services.redis.flushdb()  # a 429 blocks the realm for a minute
        await expect_trouble(f"read {mode}", lambda: client.query("SELECT * FROM Bill"))
    await canary.services.redis.flushdb()
    await canary.mode("api", "400-fault")
    await canary.run_jobs()
    for path in ("/bills?max_age=0", "/bills?max_age=live", "/sync", "/qbo/connection"):
        await canary.ask(path)

    await canary.sign_in("Canary's rival")
    await canary.mode("api", "ok")
    await canary.connect()  # a unique violation: the realm is active elsewhere
    await canary.sign_in("Canary")

    grant = await canary.grant_as_never_rejected()
    async with canary.refusing_commits():
        await expect_trouble("spool", lambda: rail.auth.replace_rejected(first, grant.access_token))
        await expect_trouble(
            "refused commit",
            lambda: rail.tokens.save(first, Rail.QBO, grant=grant, at=grant.issued_at),
        )
    with psycopg.connect(canary.owner_url) as owner:  # a row that breaks a rule is repeated by PostgreSQL
        await expect_trouble("not null", lambda: asyncio.to_thread(break_a_rule, owner, first))
    await rail.auth.current(first)
    await canary.mode("token", "invalid_grant")
    latest = await canary.grant_as_never_rejected()
    await expect_trouble("refused refresh", lambda: rail.auth.replace_rejected(first, latest.access_token))
    await canary.ask("/qbo/connection", method="DELETE")
    await canary.run_jobs()
    await canary.ask("/sync")


def break_a_rule(owner: psycopg.Connection, business_id: UUID) -> None:
    owner.execute("SELECT set_config('app.business_ids', %s, false)", [f"{{{business_id}}}"])
    owner.execute("UPDATE rail_token SET rail = NULL")


async def run(app_url: str, owner_url: str, redis_url: str, qbo_url: str, home: str) -> None:
    addresses = ServerAddresses(database_owner_url=owner_url, database_app_url=app_url, redis_url=redis_url)
    settings = Settings(
        servers=ServerSettings(home=Path(home)),
        rails=RailSettings(),
        web=WebSettings.model_validate({"public_url": PUBLIC_URL}),
        keyring=KeyringSettings(),
        qbo=QBOSettings.model_validate(
            {
                "client_id": "canary",
                "client_secret": CLIENT_SECRET,
                "api_url": qbo_url,
                "discovery_url": f"{qbo_url}/.well-known/openid_configuration",
                "read_timeout": 0.5,
            }
        ),
    )
    app = create_app(settings, addresses)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, timeout=60) as http:
            await go_through_everything(Canary(app.state.services, http, qbo_url=qbo_url, owner_url=owner_url))
    say("done")


if __name__ == "__main__":
    *addresses_given, form = sys.argv[1:]
    configure_logging(level="DEBUG", as_json=form == "json")
    logging.getLogger().setLevel(logging.DEBUG)
    logging.captureWarnings(capture=True)
    asyncio.run(run(*addresses_given))
