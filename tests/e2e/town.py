"""People at browsers: the application on its pages, a clock that can be moved, and forms filled in as a person would."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select

from domains.core.access_log import AccessLogRow, Origin
from domains.core.member_service import Standing
from domains.core.models import Business
from domains.core.people import Membership, User
from domains.core.permissions import Role
from domains.core.second_factor import code_at
from infra.clock import SystemClock
from infra.config import WebSettings
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.mail.models import Mail
from runway.app import create_app
from runway.jobs import JOBS
from runway.services import Services
from runway.settings import Settings
from tests.e2e.rest import settings_for
from tests.rig import Database

SITE = "https://oodaloo.test"
PASSWORD = "seven grey geese went by"
OPERATOR = Origin("cli", "local", "test")


class MovedClock:
    """The real time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


@dataclass
class Town:
    """The application, and who lives there."""

    app: FastAPI
    clock: MovedClock
    home: Path
    site: str = SITE
    addresses: Iterator[int] = field(default_factory=lambda: count(1))
    foreign_letters: set[UUID] = field(default_factory=set)  # of towns before, on the same database

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def browser(
        self, *, address: str | None = None, agent: str = "Mozilla/5.0 (X11; Linux) Firefox/150.0"
    ) -> "Browser":
        """At an address of its own, unless it is given: guesses are counted by address too."""
        number = next(self.addresses)
        here = address or f"198.18.{number // 250}.{number % 250}"
        transport = httpx.ASGITransport(self.app, client=(here, 4711))
        http = httpx.AsyncClient(transport=transport, base_url=self.site, headers={"User-Agent": agent})
        return Browser(self, http)

    async def business(self) -> Business:
        async with self.services.access_uow([]) as uow:
            return await self.services.businesses.create_business(
                uow.session, f"Bakery {new_id()}", now=self.clock.now()
            )

    async def person(
        self, business: Business | None = None, *, role: Role = Role.BOOKKEEPER, password: str | None = PASSWORD
    ) -> User:
        door, email = self.services.door, f"{new_id()}@example.com"
        hashed = None
        if password is not None:
            hashed = await door.passwords.hash_new(SecretStr(password), email=email, name="Ada Park")
        async with self.services.access_uow([]) as uow:
            now = self.clock.now()
            user = await door.people.create(
                uow.session, email=email, name="Ada Park", password=hashed, origin=OPERATOR, now=now
            )
            if business is not None:
                uow.session.add(Membership(business_id=business.id, user_id=user.id, role=role.value, created_at=now))
        return user

    async def set_up_factor(self, user: User) -> "Phone":
        factors = self.services.door.factors
        async with self.services.access_uow([]) as uow:
            held = await uow.session.get_one(User, user.id)
            secret = factors.begin(held)
            now = self.clock.now()
            codes = await factors.confirm(
                uow.session, held, code=SecretStr(code_at(secret, now)), origin=OPERATOR, now=now
            )
        return Phone(self.clock, secret, codes)

    async def invite(self, business: Business, email: str, role: Role = Role.BOOKKEEPER) -> str:
        """By the machine's operator; the path of the letter's link."""
        await self.services.door.joining.invite(
            business, giver=None, email=email, standing=Standing(role, None), origin=OPERATOR
        )
        return await self.link_for(email.lower())

    async def letters(self) -> dict[str, list[str]]:
        """What a worker would send, sent; the texts by recipient, the oldest first."""
        ours = {str(mail_id) for mail_id in await self.all_letters() - self.foreign_letters}
        async with self.services.jobs_uow([]) as uow:
            asked = select(OutboxRow).where(OutboxRow.job == "mail.send", OutboxRow.finished_at.is_(None))
            waiting = [
                row.id for row in await uow.session.scalars(asked.order_by(OutboxRow.id)) if row.arguments[0] in ours
            ]
        for outbox_id in waiting:
            await execute(outbox_id, jobs=JOBS, context=self.services, uow=self.services.jobs_uow)
        found: dict[str, list[str]] = {}
        for file in sorted((self.home / "mail").glob("*.eml")):
            letter = message_from_bytes(file.read_bytes(), policy=policy.default)
            found.setdefault(letter["To"], []).append(letter.get_content())
        return found

    async def all_letters(self) -> set[UUID]:
        async with self.services.access_uow([]) as uow:
            return set(await uow.session.scalars(select(Mail.id)))

    async def link_for(self, email: str) -> str:
        """The path of the link in the last letter that has one."""
        texts = (await self.letters()).get(email, [])
        links = re.findall(rf"{re.escape(self.site)}(/(?:invitations|reset-password)/\S+)", "\n".join(texts))
        assert links, texts
        path: str = links[-1]
        return path

    async def events(self, user_id: UUID) -> list[str]:
        """The access log's events of or by a person, in order."""
        async with self.services.access_uow([]) as uow:
            rows = await uow.session.scalars(
                select(AccessLogRow)
                .where((AccessLogRow.user_id == user_id) | (AccessLogRow.actor == f"user:{user_id}"))
                .order_by(AccessLogRow.id)
            )
            return [row.event for row in rows]


@dataclass
class Phone:
    """The authenticator app, and the sheet of recovery codes beside it."""

    clock: MovedClock
    secret: SecretStr
    recovery_codes: list[str] = field(default_factory=list)

    def code(self) -> str:
        """The next code: the one before may be used up."""
        self.clock.ahead += timedelta(seconds=30)
        return code_at(self.secret, self.clock.now())


@dataclass
class Browser:
    town: Town
    http: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def submit(self, page: str, *, to: str | None = None, **typed: str) -> httpx.Response:
        """Open the page and send its form (the one that goes `to` that path), its hidden fields as they are."""
        shown = await self.http.get(page)
        assert shown.status_code == 200, (shown.status_code, shown.headers.get("location"), shown.text)
        form = Forms.read(shown).of(to)
        return await self.send(form.action or page.partition("?")[0], {**form.fields, **typed})

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, data=fields, headers={"Origin": self.town.site, **named})

    async def sign_in(self, user: User, password: str = PASSWORD, *, phone: "Phone | None" = None) -> httpx.Response:
        answer = await self.submit("/sign-in", email=user.email, password=password)
        if phone is None:
            return answer
        assert answer.headers["location"].startswith("/sign-in/second-factor")
        return await self.submit(answer.headers["location"], code=phone.code())

    @property
    def session(self) -> str | None:
        return self.http.cookies.get("__Host-sid") or self.http.cookies.get("sid")

    async def is_signed_in(self) -> bool:
        return (await self.http.get("/account")).status_code == 200

    async def csrf(self) -> str:
        return Forms.read(await self.http.get("/account")).of("/sign-out").fields["csrf"]


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    @classmethod
    def read(cls, page: httpx.Response) -> "Forms":
        forms = cls()
        forms.feed(page.text)
        return forms

    def of(self, action: str | None) -> Form:
        """The form of that path; without one, the page's own, which comes after the header's."""
        if action is None:
            return self.found[-1]
        return next(form for form in self.found if form.action == action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(values.get("action", "")))
        elif tag == "input" and self.found and values.get("type") == "hidden":
            self.found[-1].fields[values["name"]] = values["value"]


@asynccontextmanager
async def open_town(database: Database, redis_url: str, *, home: Path, site: str = SITE) -> AsyncIterator[Town]:
    settings: Settings = replace(settings_for(home, None), web=WebSettings.model_validate({"public_url": site}))
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    clock = MovedClock()
    app = create_app(settings, addresses, clock=clock)
    async with app.router.lifespan_context(app):
        town = Town(app, clock, home, site)
        town.foreign_letters = await town.all_letters()
        yield town
