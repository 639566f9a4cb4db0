"""A firm's page, a new business's first steps, and the tour."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from domains.core.permissions import Role
from runway.routes.request_proofs import csrf_token
from tests.e2e.pages import Desk, text_of
from tests.e2e.people import Browser, join_firm, member, open_business, open_firm, sign_up
from tests.e2e.rest import PUBLIC_URL, Web

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Firm:
    admin: Browser
    viewer: Desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firm(web: Web) -> AsyncIterator[Firm]:
    firm_id = await open_firm(web)
    business_id = await open_business(web, firm_id=firm_id)
    viewer = await member(web, business_id, Role.VIEWER)
    yield Firm(await join_firm(await sign_up(web), firm_id), Desk(viewer))


async def ask(person: Browser, path: str, **fields: str) -> httpx.Response:
    headers = {"Cookie": f"sid={person.session}", "Origin": PUBLIC_URL, "Referer": f"{PUBLIC_URL}/?tour=1&all=true"}
    if not fields:
        return await person.web.http.get(path, headers=headers)
    return await person.web.http.post(path, data={"csrf": csrf_token(person.session), **fields}, headers=headers)


async def test_an_admin_adds_a_business_and_goes_on_to_its_first_steps(firm: Firm) -> None:
    refused = await ask(firm.admin, "/firm/businesses", name="Nowhere Ltd", time_zone="Mars/Olympus")
    assert (refused.status_code, 'value="Nowhere Ltd"' in refused.text) == (422, True)
    made = await ask(firm.admin, "/firm/businesses", name="Corner <b>Bakery</b>", time_zone="America/Chicago")
    assert made.status_code == 303
    assert re.fullmatch(r"/c/[0-9a-f-]{36}/start", made.headers["location"])
    steps = text_of(await ask(firm.admin, made.headers["location"]))
    assert "Connect QuickBooks" in steps
    assert "0 of 16 kinds are read" in steps
    shown = await ask(firm.admin, "/firm")
    assert "Corner &lt;b&gt;Bakery&lt;/b&gt;" in shown.text


async def test_who_is_no_admin_sees_no_firm_and_adds_nothing(firm: Firm) -> None:
    person = firm.viewer.person
    assert "You are no firm's admin" in text_of(await ask(person, "/firm"))
    assert (await ask(person, "/firm/businesses", name="Mine")).status_code == 403
    assert "Invite who works with you" not in text_of(await firm.viewer.get("/start"))


async def test_the_tour_is_offered_goes_through_pages_and_is_skipped_for_good(firm: Firm) -> None:
    person = firm.admin
    assert "New here? Take the tour." in (await ask(person, "/?all=true")).text
    first = await ask(person, (await ask(person, "/tour/1")).headers["location"])
    assert "1 of 6" in text_of(first)
    second = await ask(person, "/tour/2")
    assert re.fullmatch(r"/c/[0-9a-f-]{36}\?tour=2", second.headers["location"])
    ended = await ask(person, "/tour/end", over="yes")
    assert (ended.headers["location"], "tour=seen" in ended.headers["set-cookie"]) == ("/", True)
    headers = {"Cookie": f"sid={person.session}; tour=seen"}
    assert "Take the tour." not in (await person.web.http.get("/?all=true", headers=headers)).text
    assert (await ask(person, "/tour/7")).status_code == 422


async def test_the_tour_passes_by_what_a_role_does_not_open(firm: Firm) -> None:
    assert (await ask(firm.viewer.person, "/tour/5")).headers["location"].endswith("/health?tour=6")
