"""The whole of Oodaloo for a browser: the app on a real port, the simulator as QuickBooks, and a worker between."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import uvicorn
from playwright.async_api import BrowserContext
from sqlalchemy import func, select

from infra.clock import SystemClock
from infra.config import WebSettings
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from runway.app import create_app
from runway.jobs import JOBS
from runway.routes.request_proofs import PLAIN_SESSION_COOKIE
from runway.settings import Settings
from runway.sign_in import issue_token
from tests.e2e.rest import Visitor, Web, settings_for
from tests.e2e.town import MovedClock, Town
from tests.rig import Database

_LOOK_EVERY_SECONDS = 0.1
_BESIDE = 6


class _InnerServer(uvicorn.Server):
    """Inside the test's own loop: signals stay pytest's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Site:
    """`url` stays the same when the app is stopped and started again; what people have is in the database."""

    def __init__(
        self, settings: Settings, addresses: ServerAddresses, *, simulator: Simulator, info: SimulatorInfo
    ) -> None:
        self.url = str(settings.web.public_url).rstrip("/")
        self.simulator, self.info = simulator, info
        self.clock = MovedClock()
        self.town: Town
        self.web: Web
        self._settings, self._addresses = settings, addresses
        self._running = AsyncExitStack()

    @property
    def companies(self) -> list[Company]:
        return list(self.simulator.companies.values())

    async def let_in(self, context: BrowserContext, session: str) -> None:
        """A browser of somebody who is signed in already."""
        await context.add_cookies([{"name": PLAIN_SESSION_COOKIE, "value": session, "url": self.url}])

    async def visitor(self, business_id: UUID) -> Visitor:
        """A program with a token of that business."""
        issued = await issue_token(
            self.web.services.access_uow, str(business_id), name="test", lifetime=timedelta(hours=1)
        )
        return Visitor(self.web, issued.token, str(issued.business_id))

    async def start(self, *, undo_window: timedelta | None = None) -> None:
        """With the settings that it has; `undo_window` is another one from now on."""
        if undo_window is not None:
            web = self._settings.web.model_copy(update={"undo_window": undo_window})
            self._settings = replace(self._settings, web=web)
        app = create_app(self._settings, self._addresses, clock=self.clock)
        await self._running.enter_async_context(app.router.lifespan_context(app))
        self.town = Town(app, self.clock, self._settings.servers.home, self.url)
        transport = httpx.ASGITransport(app)
        http = httpx.AsyncClient(transport=transport, base_url=self.url)
        self.web = Web(app, await self._running.enter_async_context(http))
        await self._running.enter_async_context(_working(self.town))
        await self._running.enter_async_context(_serving(app, int(self.url.rpartition(":")[2])))

    async def stop(self) -> None:
        await self._running.aclose()
        self._running = AsyncExitStack()


@asynccontextmanager
async def open_site(
    database: Database, redis_url: str, *, home: Path, files: Sequence[CompanyFile], undo_window: str = "8"
) -> AsyncIterator[Site]:
    """Realms get ids of their own, since a company is active for one business of a database only. `undo_window`: seconds."""
    clock = SystemClock()
    companies = [
        load_company(file.model_copy(update={"realm_id": str(new_id().int)[-18:]}), clock=clock) for file in files
    ]
    simulator = Simulator(companies, clock=clock, limits=False)
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    async with running_simulator(simulator) as info:
        public_url = f"http://127.0.0.1:{_free_port()}"
        web = WebSettings.model_validate({"public_url": public_url, "undo_window": undo_window})
        settings = replace(settings_for(home, info), web=web)
        site = Site(settings, addresses, simulator=simulator, info=info)
        await site.start()
        try:
            yield site
        finally:
            await site.stop()


@asynccontextmanager
async def _serving(app: object, port: int) -> AsyncIterator[None]:
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # FastAPI is the ASGI application that uvicorn takes
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
        proxy_headers=False,
    )
    server = _InnerServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _working(town: Town) -> AsyncIterator[None]:
    """Every due job of a database that is this site's alone, as workers would take them up."""
    working = asyncio.create_task(_work(town))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait([working])
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error


async def _work(town: Town) -> None:
    """Side by side: one that takes long keeps nobody waiting."""
    services = town.services
    waiting = (OutboxRow.finished_at.is_(None), OutboxRow.dead_at.is_(None), OutboxRow.due_at <= func.clock_timestamp())
    running: dict[int, asyncio.Task[bool]] = {}
    try:
        while True:
            async with services.jobs_uow([]) as uow:
                due = await uow.session.scalars(select(OutboxRow.id).where(*waiting).order_by(OutboxRow.due_at))
                new = [row for row in due if row not in running][: _BESIDE - len(running)]
            for row in new:
                running[row] = asyncio.create_task(execute(row, jobs=JOBS, context=services, uow=services.jobs_uow))
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            for row in [row for row, task in running.items() if task.done()]:
                running.pop(row).result()
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
