"""Every screen in both themes, on a telephone, a tablet and a desk: axe-core finds nothing, and nothing is wider than the screen."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from infra.clock import SystemClock
from infra.qbo.simulator.files.company_file import IN_TROUBLE, TIGHT
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from tests.browser.axe import OF_COLOUR, shape_of, violations_of
from tests.browser.furnished import Furnished, furnish
from tests.browser.screen_list import Screen, list_screens
from tests.browser.site import open_site
from tests.browser.watching import watched_page
from tests.rig import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

WIDTHS = (360, 768, 1440)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def furnished(
    chromium: Browser,  # noqa: ARG001 - nothing is furnished for nobody
    site_database: Database,
    module_redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Furnished]:
    today = SystemClock().now().astimezone(PACIFIC).date()
    files = [sample_company(word, today=today) for word in (TIGHT, IN_TROUBLE)]
    home = tmp_path_factory.mktemp("screens")
    async with open_site(site_database, module_redis_url, home=home, files=files) as site:
        yield await furnish(site, ["Copper Gate Electric", "Quill Lane Joinery", "Not Connected Yet"])


async def test_no_screen_breaks_a_rule_in_any_theme_or_width(chromium: Browser, furnished: Furnished) -> None:
    wrong = []
    for screen in await list_screens(furnished):
        async with watched_page(chromium, furnished.site.url) as (page, watch):
            if screen.who is not None:
                await furnished.site.let_in(page.context, screen.who.session)
            with watch.expecting(screen.status):
                answer = await page.goto(screen.path)
                assert answer is not None
                if answer.status != screen.status:
                    wrong.append(f"{screen.name}: answered {answer.status}")
                else:
                    wrong += await _look(page, screen)
            wrong += [f"{screen.name}: {one}" for one in watch.taken()]
    assert not wrong, "\n".join(wrong)


async def test_the_cockpit_is_small_and_reads_without_script(chromium: Browser, furnished: Furnished) -> None:
    """All that a first visit fetches, as it goes over the wire."""
    url, client = furnished.site.url, f"/c/{furnished.client}"
    sizes: list[int] = []

    async with watched_page(chromium, url) as (page, _):
        await furnished.site.let_in(page.context, furnished.admin.session)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Network.enable")
        devtools.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
        await page.goto(client, wait_until="networkidle")
    assert sum(sizes) < 150_000, sizes

    async with watched_page(chromium, url, script=False) as (page, _):
        await furnished.site.let_in(page.context, furnished.admin.session)
        for path, words in (
            (client, "Week by week"),
            (f"{client}/payables", "Vendor and bill"),
            ("/", "Copper Gate Electric"),
        ):
            await page.goto(path)
            await expect(page.locator("main").get_by_text(words, exact=True).first).to_be_visible()


async def _look(page: Page, screen: Screen) -> list[str]:
    """All rules at each width and in each theme. In the second those of colour alone, where nothing but colours differs."""
    if screen.prepare is not None:
        await screen.prepare(page)
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="light")
        found += [f"{screen.name} {width} light: {one}" for one in await violations_of(page)]
        shape = await shape_of(page)
        await page.emulate_media(color_scheme="dark")
        rules = OF_COLOUR if await shape_of(page) == shape else ()
        found += [f"{screen.name} {width} dark: {one}" for one in await violations_of(page, rules=rules)]
        if await page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{screen.name} {width}: wider than the screen")
    return found
