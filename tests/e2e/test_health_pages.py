"""Data health as a page: what is read, what differs, and asking for more of it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio

from domains.core.permissions import Role
from tests.e2e.pages import Desk, text_of
from tests.e2e.people import member
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database
from tests.unit.infra.qbo.simulator.small_company import make_file

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Office:
    shop: Shop
    bookkeeper: Desk
    viewer: Desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """Connected, and not read yet."""
    home = tmp_path_factory.mktemp("health")
    async with open_shop(database, module_redis_url, home=home, files=[make_file()]) as shop:
        business_id = UUID(shop.visitor.business_id)
        people = [await member(shop.web, business_id, role) for role in (Role.BOOKKEEPER, Role.VIEWER)]
        yield Office(shop, *map(Desk, people))


async def test_before_a_connection_the_page_leads_to_it(office: Office) -> None:
    page = await office.viewer.get("/health")
    assert "No company is connected yet" in text_of(page)
    assert f'href="/c/{office.viewer.person.at_business}/settings/connection"' in page.text


async def test_the_first_reading_is_watched_until_it_ends(office: Office) -> None:
    shop = office.shop
    assert (await shop.visitor.connect(realm_id=shop.company.realm_id)).status_code == 200
    page = await office.viewer.get("/health")
    assert "The books are being read. 0 of 16 kinds" in text_of(page)
    assert 'hx-trigger="every 1s"' in page.text
    part = await office.viewer.get("/health?since=", HX_Request="true")
    assert (part.status_code, "<html" in part.text) == (200, False)
    await shop.web.run_jobs(shop.visitor.business_id)
    assert (await office.viewer.get("/health?since=", HX_Request="true")).status_code == 200  # its check is to come
    await shop.web.run_jobs(shop.visitor.business_id)
    ended = await office.viewer.get("/health?since=", HX_Request="true")
    assert (ended.status_code, ended.headers["hx-redirect"][-7:]) == (204, "/health")


async def test_sums_are_those_of_quickbooks_and_every_kind_is_in_step(office: Office) -> None:
    page = text_of(await office.viewer.get("/health"))
    assert page.count("Same as QuickBooks") == 2
    assert page.count("In step") == 16
    assert "Sync now" not in page
    assert "Sync now" in text_of(await office.bookkeeper.get("/health"))
    assert (await office.viewer.send("/health/sync")).status_code == 403


async def test_a_check_is_asked_for_watched_and_told(office: Office) -> None:
    read = await office.bookkeeper.follow(await office.bookkeeper.send("/health/sync"))
    assert "was asked for what changed" in text_of(read)
    asked = await office.bookkeeper.send("/health/check")
    assert 'hx-trigger="every 1s"' in (await office.bookkeeper.follow(asked)).text
    await office.shop.web.run_jobs(office.shop.visitor.business_id)
    since = asked.headers["location"].partition("since=")[2]
    ended = await office.bookkeeper.get(f"/health?since={since}", HX_Request="true")
    assert ended.status_code == 204
    page = text_of(await office.bookkeeper.get("/health"))
    assert re.search(r"Counts, sums and a part of all objects, on \w", page)
    assert "No difference is open" in page


@pytest.mark.parametrize("since", ["x", "9" * 60, "-1"])
async def test_a_senseless_instant_is_left_out(office: Office, since: str) -> None:
    assert (await office.viewer.get(f"/health?since={since}")).status_code == 200
