"""Every screen: axe-core finds nothing, and nothing is wider than a telephone, a tablet or a desk."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from infra.clock import SystemClock
from infra.qbo.simulator.files.company_file import IN_TROUBLE, TIGHT
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from tests.browser.accessibility import look_at, sample
from tests.browser.furnished import NAMES, Furnished, furnish
from tests.browser.screen_list import list_screens
from tests.browser.site import open_site
from tests.browser.watching import watched_page
from tests.rig import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


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
        yield await furnish(site, NAMES)


async def test_no_screen_breaks_a_rule(chromium: Browser, furnished: Furnished) -> None:
    """Each in two of its six looks, other ones each time; `make prove ONLY=accessibility` is all of them."""
    seed = random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")  # noqa: T201 - told where it fails
    screens = await list_screens(furnished)
    looked = await look_at(chromium, furnished, screens, plan=sample(seed))
    assert not looked.wrong, "\n".join(looked.wrong)
    assert looked.looks == 2 * len(screens)


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
