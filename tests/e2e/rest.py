"""Oodaloo's web application over HTTP's own shapes, and a company of the simulator behind it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select

from infra import exact_json
from infra.clock import SystemClock
from infra.config import EdgeSettings, KeyringSettings, QBOSettings, RailSettings, ServerSettings, WebSettings
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from runway.app import create_app
from runway.jobs import JOBS
from runway.services import Services
from runway.settings import Settings
from runway.sign_in import issue_token
from tests.rig import Database

PUBLIC_URL = "http://oodaloo.test"
UNHURRIED = EdgeSettings(address_per_minute=1_000_000, credential_per_minute=1_000_000, money_per_minute=1_000_000)
VERIFIER_TOKENS = ["the-current-verifier-token", "the-one-before"]
NOWHERE = "http://127.0.0.1:9"


def settings_for(home: Path, info: SimulatorInfo | None) -> Settings:
    """Without a simulator: QBO is where nobody listens."""
    nowhere = {"client_id": "c", "client_secret": "s", "api_url": NOWHERE, "discovery_url": f"{NOWHERE}/discovery"}
    given = {name: getattr(info, name) for name in nowhere} if info else nowhere
    return Settings(
        servers=ServerSettings(home=home),
        rails=RailSettings(),
        web=WebSettings.model_validate({"public_url": PUBLIC_URL, "undo_window": "0"}),
        keyring=KeyringSettings(),
        qbo=QBOSettings.model_validate({**given, "webhook_verifier_tokens": VERIFIER_TOKENS}),
        edge=UNHURRIED,
    )


@dataclass
class Web:
    """The running application. Requests go through all of it but the socket."""

    app: FastAPI
    http: httpx.AsyncClient

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def sign_in(self, business: str) -> "Visitor":
        issued = await issue_token(self.services.access_uow, business, name="test", lifetime=timedelta(hours=1))
        return Visitor(self, issued.token, str(issued.business_id))

    async def run_jobs(self, business_id: str) -> int:
        """What a worker would do with the jobs of this business that are due, in their order; how many."""
        async with self.services.jobs_uow([]) as uow:
            rows = await uow.session.scalars(
                select(OutboxRow)
                .where(
                    OutboxRow.finished_at.is_(None),
                    OutboxRow.dead_at.is_(None),
                    OutboxRow.due_at <= func.clock_timestamp(),
                )
                .order_by(OutboxRow.due_at, OutboxRow.id)
            )
            waiting = [row.id for row in rows if business_id in row.arguments]
        for outbox_id in waiting:
            assert await execute(outbox_id, jobs=JOBS, context=self.services, uow=self.services.jobs_uow)
        return len(waiting)


@asynccontextmanager
async def running_web(database: Database, redis_url: str, *, settings: Settings) -> AsyncIterator[Web]:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    app = create_app(settings, addresses)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            yield Web(app, http)


@dataclass
class Shop:
    """A business connected to the first of the simulator's companies, and read whole unless a test does it."""

    web: Web
    visitor: "Visitor"
    simulator: Simulator
    quickbooks: AsyncExitStack

    @property
    def company(self) -> Company:
        return next(iter(self.simulator.companies.values()))

    def bodies(self, entity: str) -> list[Body]:
        """What is true: the simulator's own objects."""
        return [record.body for record in self.company.stores[entity].records.values()]

    async def read_books(self) -> None:
        answer = await self.visitor.connect(realm_id=self.company.realm_id)
        assert answer.status_code == 200, answer.text
        assert await self.web.run_jobs(self.visitor.business_id) >= 1  # an earlier reading's tie-out may wait besides

    async def stop_quickbooks(self) -> None:
        """From now on nobody listens there."""
        await self.quickbooks.aclose()


@asynccontextmanager
async def open_shop(
    database: Database, redis_url: str, *, home: Path, files: Sequence[CompanyFile]
) -> AsyncIterator[Shop]:
    """Realms get ids of their own, since a company is active for one business of a database only."""
    clock = SystemClock()
    companies = [
        load_company(file.model_copy(update={"realm_id": str(new_id().int)[-18:]}), clock=clock) for file in files
    ]
    simulator = Simulator(companies, clock=clock, limits=False)
    async with AsyncExitStack() as quickbooks:
        info = await quickbooks.enter_async_context(running_simulator(simulator))
        async with running_web(database, redis_url, settings=settings_for(home, info)) as web:
            visitor = await web.sign_in(f"Shop {companies[0].realm_id}")
            yield Shop(web, visitor, simulator, quickbooks)


@dataclass
class Visitor:
    """One who holds a token."""

    web: Web
    token: str
    business_id: str
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, *, headers: Mapping[str, str] | None = None, **query: Any) -> httpx.Response:
        asked = {name: str(value) for name, value in query.items()}
        sent = {"Authorization": f"Bearer {self.token}", **self.headers, **(headers or {})}
        return await self.web.http.get(f"/api/v1{path}", params=asked or None, headers=sent)

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a 200, numbers exact."""
        answer = await self.ask(path, **query)
        assert answer.status_code == 200, answer.text
        return exact_json.loads(answer.content)

    async def every(self, path: str, **query: Any) -> list[Any]:
        """All pages."""
        rows: list[Any] = []
        body = await self.get(path, **query)
        rows += body["data"]
        while cursor := body["next_cursor"]:
            body = await self.get(path, **query, cursor=cursor)
            rows += body["data"]
        return rows

    async def consent(self, *, action: str = "connect", realm_id: str | None = None) -> str:
        """Begin the connect and answer Intuit's form; the path of our callback with what it brings."""
        begun = await self.ask("/qbo/connect")
        assert begun.status_code == 302, begun.text
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(begun.headers["location"])
            form = _Form.read(page)
            chosen = {"realm_id": realm_id} if realm_id else {}
            answered = await browser.post(
                urljoin(str(page.url), form.action), data={**form.fields, **chosen, "action": action}
            )
        assert answered.status_code == 302, answered.text
        location = answered.headers["location"]
        ours = str(self.web.services.settings.web.public_url).rstrip("/")
        assert location.startswith(f"{ours}/api/v1/qbo/callback?")
        return location.removeprefix(ours)

    async def connect(self, *, realm_id: str | None = None) -> httpx.Response:
        return await self.web.http.get(await self.consent(realm_id=realm_id))


def assert_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """RFC 9457, whole; the body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:oodaloo:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == urlsplit(str(answer.request.url)).path
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def total(bodies: Iterable[Body], name: str) -> Decimal:
    return sum((Decimal(str(body[name])) for body in bodies), Decimal(0))


class _Form(HTMLParser):
    """The consent page's one form, its first company chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    @classmethod
    def read(cls, page: httpx.Response) -> "_Form":
        form = cls()
        form.feed(page.text)
        assert form.action, page.text
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values["action"]
        elif tag == "input":
            self.fields[values["name"]] = values["value"]
        elif tag == "option":
            self.fields.setdefault("realm_id", values["value"])
