"""The application on a port of its own, timed from inside, and an owner who is signed in to it."""

import asyncio
import contextlib
import re
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from sqlalchemy import update
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domains.core.access_log import Origin
from domains.core.member_service import MemberService, Standing
from domains.core.people import User
from domains.core.people_service import PeopleService
from domains.core.permissions import Role
from domains.core.sessions import Sessions
from infra.ids import new_id
from runway.routes.request_proofs import PLAIN_SESSION_COOKIE
from runway.services import Services

_ORIGIN = Origin(actor="cli", address="benchmark", request_id="benchmark")
_MARK = b"x-swap"
_HIDDEN = re.compile(r'<input type="hidden" name="csrf" value="([^"]+)"')


@dataclass
class Timed:
    """The application; `spent` are milliseconds by the mark that a request bears. A form and the page that it leads to are one.

    `worked` are those of this process's processor, which a busy machine does not lengthen much.
    """

    app: ASGIApp
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    worked: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, worked = time.perf_counter(), time.thread_time()
        mark = next((value.decode() for name, value in scope.get("headers", ()) if name == _MARK), "")

        async def timed(message: Message) -> None:
            if mark and message["type"] == "http.response.body" and not message.get("more_body"):
                self.spent[mark] += (time.perf_counter() - began) * 1000
                self.worked[mark] += (time.thread_time() - worked) * 1000
            await send(message)

        await self.app(scope, receive, timed)


def by_name(spent: Mapping[str, float]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = defaultdict(list)
    for mark, milliseconds in spent.items():
        taken[mark.partition("#")[0]].append(milliseconds)
    return taken


@dataclass
class Desk:
    """Somebody at their browser, without one: pages and forms, as they are drawn."""

    http: httpx.AsyncClient
    session: str
    csrf: str = ""

    async def get(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code}"
        return answer.text

    async def post(self, path: str, **fields: Any) -> str:
        """Where it leads."""
        self.csrf = self.csrf or _HIDDEN.findall(await self.get("/account"))[0]
        keyed = {"csrf": self.csrf, "idempotency_key": str(new_id()), **fields}
        answer = await self.http.post(path, data=keyed, headers={"Origin": str(self.http.base_url).rstrip("/")})
        assert answer.status_code == httpx.codes.SEE_OTHER, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.headers["Location"]


async def owner_of(services: Services, businesses: list[UUID]) -> str:
    """The session of a new person, with a second factor, who owns all of these."""
    now = services.clock.now()
    async with services.access_uow([]) as uow:
        session = uow.session
        user = await PeopleService(Sessions()).create(
            session, email="owner@benchmark.example", name="The owner", password=None, origin=_ORIGIN, now=now
        )
        await session.execute(update(User).where(User.id == user.id).values(totp_confirmed_at=now))
        begun = await Sessions().begin(
            session, user.id, is_complete=True, origin=_ORIGIN, user_agent="benchmark", now=now
        )
        for business_id in businesses:
            standing = Standing(Role.OWNER, None)
            await MemberService().add(session, business_id, user_id=user.id, standing=standing, origin=_ORIGIN, now=now)
    return begun


@asynccontextmanager
async def open_desk(url: str, session: str, *, app: ASGIApp | None = None) -> AsyncIterator[Desk]:
    """Over the socket, or with `app` through all of it but that."""
    transport = None if app is None else httpx.ASGITransport(app)
    cookies = {PLAIN_SESSION_COOKIE: session}
    async with httpx.AsyncClient(transport=transport, base_url=url, cookies=cookies, timeout=300) as http:
        yield Desk(http, session)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class _InnerServer(uvicorn.Server):
    """Beside others in one loop: signals stay the process's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, port: int) -> AsyncIterator[None]:
    server = _InnerServer(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task
