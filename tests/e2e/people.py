"""People at their browsers: users with roles, made as the services make them, and what they ask."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from domains.core.access_log import Origin
from domains.core.business_service import BusinessService
from domains.core.firm_service import FirmService
from domains.core.member_service import MemberService, Standing
from domains.core.people import User
from domains.core.people_service import PeopleService
from domains.core.permissions import BUSINESS_ROLES, Role
from domains.core.sessions import Sessions
from infra.ids import new_id
from runway.routes.request_proofs import CSRF_HEADER, csrf_token
from tests.e2e.rest import Web

ORIGIN = Origin(actor="cli", address="test", request_id="test")
PEOPLE, MEMBERS, FIRMS = PeopleService(Sessions()), MemberService(), FirmService(BusinessService())


@dataclass(frozen=True)
class Browser:
    """One person, signed in with their second factor. `business_id` is named in every request."""

    web: Web
    user_id: UUID
    email: str
    session: str
    business_id: UUID | None = None

    def at(self, business_id: UUID) -> "Browser":
        return replace(self, business_id=business_id)

    @property
    def at_business(self) -> UUID:
        assert self.business_id is not None
        return self.business_id

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        sent = {"Cookie": f"sid={self.session}", CSRF_HEADER: csrf_token(self.session), **(headers or {})}
        if self.business_id is not None:
            sent.setdefault("X-Business-ID", str(self.business_id))
        return await self.web.http.request(method, f"/api/v1{path}", headers=sent, **more)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def sign_up(web: Web, *, name: str = "Somebody", has_factor: bool = True) -> Browser:
    """A new user with a new session."""
    email, now = f"{new_id()}@example.com", web.services.clock.now()
    async with web.services.access_uow([]) as uow:
        user = await PEOPLE.create(uow.session, email=email, name=name, password=None, origin=ORIGIN, now=now)
        if has_factor:
            await uow.session.execute(update(User).where(User.id == user.id).values(totp_confirmed_at=now))
        session = await Sessions().begin(
            uow.session, user.id, is_complete=True, origin=ORIGIN, user_agent="test", now=now
        )
    return Browser(web, user.id, email, session)


async def open_firm(web: Web) -> UUID:
    async with web.services.access_uow([]) as uow:
        firm = await FIRMS.create_firm(uow.session, f"Firm {new_id()}", origin=ORIGIN, now=web.services.clock.now())
    return firm.id


async def open_business(web: Web, *, firm_id: UUID | None = None) -> UUID:
    async with web.services.access_uow([]) as uow:
        business = await FIRMS.create_business(
            uow.session,
            f"Business {new_id()}",
            firm_id=firm_id,
            home_currency="USD",
            time_zone="America/New_York",
            origin=ORIGIN,
            now=web.services.clock.now(),
        )
    return business.id


async def join(
    browser: Browser, business_id: UUID, role: Role, *, limit: Decimal | None = None, ago: timedelta = timedelta(0)
) -> Browser:
    """The person, a member now, at that business."""
    services = browser.web.services
    async with services.access_uow([]) as uow:
        await MEMBERS.add(
            uow.session,
            business_id,
            user_id=browser.user_id,
            standing=Standing(role, limit),
            origin=ORIGIN,
            now=services.clock.now() - ago,
        )
    return browser.at(business_id)


async def join_firm(browser: Browser, firm_id: UUID) -> Browser:
    services = browser.web.services
    async with services.access_uow([]) as uow:
        (firm,) = [firm for firm in await FIRMS.list_firms(uow.session) if firm.id == firm_id]
        await FIRMS.add_admin(uow.session, firm, user_id=browser.user_id, origin=ORIGIN, now=services.clock.now())
    return browser


async def member(web: Web, business_id: UUID, role: Role, *, limit: Decimal | None = None) -> Browser:
    """A new person in that role."""
    return await join(await sign_up(web, name=f"The {role.value}"), business_id, role, limit=limit)


async def everyone(web: Web) -> dict[Role, Browser]:
    """One person of each role, in one business of one firm."""
    firm_id = await open_firm(web)
    business_id = await open_business(web, firm_id=firm_id)
    people: dict[Role, Browser] = {role: await member(web, business_id, role) for role in BUSINESS_ROLES}
    admin = await join_firm(await sign_up(web, name="The admin"), firm_id)
    return {Role.FIRM_ADMIN: admin.at(business_id)} | people
