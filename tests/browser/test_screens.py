"""Every screen: axe-core finds nothing, and nothing is wider than a telephone, a tablet or a desk."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

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
    """Each in one of its six looks, another one each time, and at all three widths whether it is wider than the screen.

    `make prove ONLY=accessibility` is all looks of all screens.
    """
    seed = random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")  # noqa: T201 - told where it fails
    screens = await list_screens(furnished)
    looked = await look_at(chromium, furnished, screens, plan=sample(seed))
    assert not looked.wrong, "\n".join(looked.wrong)
    assert looked.looks == len(screens)


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


async def test_one_part_after_the_other_comes_into_the_same_place(chromium: Browser, furnished: Furnished) -> None:
    async with watched_page(chromium, furnished.site.url) as (page, _):
        await furnished.site.let_in(page.context, furnished.admin.session)
        for side, told in (("payables", "bill"), ("receivables", "invoice")):
            await page.goto(f"/c/{furnished.client}/{side}?status=open")
            boxes = page.locator("#selection input[type=checkbox]")
            for n, words in ((1, f"1 {told}"), (2, f"2 {told}s"), (3, f"3 {told}s")):
                await boxes.nth(n - 1).check()
                await expect(page.locator("#bulk").get_by_text(words)).to_be_visible()
            for box in range(3):
                await boxes.nth(box).uncheck()
            await expect(page.locator("#bulk .bulk-bar")).to_have_count(0)
        await page.goto(f"/c/{furnished.client}")
        cells = page.locator('a[hx-target="#cell"]')
        assert await cells.count() > 1
        for n in (0, 1, 0):
            async with page.expect_response("**/weeks/**"):
                await cells.nth(n).click()
            await page.locator("#cell").get_by_role("button", name="Close").click()
            await expect(page.locator("#cell")).not_to_be_visible()


async def test_rows_below_the_screen_come_after_the_others_and_move_nobody(
    chromium: Browser, furnished: Furnished
) -> None:
    settled = """() => new Promise((done) => {
      document.addEventListener("htmx:afterSettle", () => {
        const hidden = document.querySelectorAll("[data-below][hidden]").length;
        requestAnimationFrame(() => setTimeout(() => done([hidden, document.querySelector("#table .table-box").scrollTop])));
      }, { once: true });
    })"""
    refresh = f"() => {{ const told = ({settled})(); htmx.trigger(document.body, 'acted'); return told; }}"
    async with watched_page(chromium, furnished.site.url) as (page, _):
        await furnished.site.let_in(page.context, furnished.admin.session)
        await page.goto(f"/c/{furnished.client}/payables?status=all")
        rows = page.locator("#table tbody tr")
        assert await rows.count() > 30
        assert await page.evaluate(refresh) == [1, 0]
        await expect(rows.last).to_be_visible()
        await page.evaluate(f"() => {{ window.opened = ({settled})(); }}")
        await rows.first.locator("[data-open]").click()
        assert await page.evaluate("opened") == [0, 0], "what another part brings is not this list's"
        await page.locator("#sheet [data-closes]").first.click()
        await page.set_viewport_size({"width": 1100, "height": 900})
        assert await page.evaluate(refresh) == [0, 0], "a column may be wider for what lies below"
        await page.set_viewport_size({"width": 1440, "height": 900})
        await rows.last.scroll_into_view_if_needed()
        there = await page.evaluate("document.querySelector('#table .table-box').scrollTop")
        assert there > 0
        assert await page.evaluate(refresh) == [0, there]
        await expect(rows.last).to_be_in_viewport()
        for side in ("payables", "receivables"):
            await page.goto(f"/c/{furnished.client}/{side}?status=all")
            await page.locator("#table .age-block").first.click()
            await expect(page.locator('#table .age-block[aria-current="true"]')).to_have_count(1)
            await page.go_back()
            await expect(page.locator('#table .age-block[aria-current="true"]')).to_have_count(0)
            await expect(rows.last).to_be_visible()


async def test_what_comes_late_leaves_a_closed_dialog_closed(
    chromium: Browser, furnished: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision made in a dialog is drawn at once, and the forecast of it comes when the dialog may be closed, or shows another bill."""
    monkeypatch.setattr("runway.web.pages.bills.PART_PATIENCE", timedelta(0))
    may_come = asyncio.Event()

    async def wait(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    async with watched_page(chromium, furnished.site.url) as (page, _):
        await furnished.site.let_in(page.context, furnished.admin.session)
        await page.route("**/outlook*", wait)
        await page.goto(f"/c/{furnished.client}/payables?status=open")
        await page.locator("#table [data-open]").first.click()
        dialog = page.locator("#sheet")
        await dialog.locator("summary").click()
        await dialog.locator('form[hx-post$="/must-pay"] button').click()
        await expect(dialog.get_by_text("The forecast is being worked out")).to_be_visible()
        await dialog.locator("[data-closes]").click()
        await expect(dialog).not_to_be_visible()
        async with page.expect_response("**/outlook*"):
            may_come.set()
        await expect(dialog.get_by_text("Low point")).to_have_count(1)
        await expect(dialog).not_to_be_visible()
