"""The pages before the door, in a browser."""

import pytest
from playwright.async_api import Browser, expect

from domains.core.permissions import Role
from tests.browser.axe import violations_of
from tests.browser.site import Site
from tests.browser.watching import watched_page
from tests.e2e.town import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_person_signs_in_with_their_second_factor_by_keyboard(chromium: Browser, site: Site) -> None:
    town = site.town
    owner = await town.person(await town.business(), role=Role.OWNER)
    phone = await town.set_up_factor(owner)
    async with watched_page(chromium, site.url) as (page, _):
        await page.goto("/sign-in")
        assert await violations_of(page) == []
        await expect(page.get_by_label("E-mail", exact=True)).to_be_focused()
        await page.keyboard.type(owner.email)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in/second-factor*")
        assert await violations_of(page) == []
        await expect(page.get_by_label("Code", exact=True)).to_be_focused()
        await page.keyboard.type(phone.code())
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/c/*")
        await expect(page.get_by_role("banner").get_by_text("Ada Park", exact=True)).to_be_visible()
