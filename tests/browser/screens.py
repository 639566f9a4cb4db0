"""Pictures of every screen into docs/screens, both themes, wide and narrow: `python -m tests.browser.screens`.

`python -m tests.browser.screens cockpit ritual-due` draws these alone. It starts servers of its own and leaves nothing behind.
"""

import asyncio
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, BrowserContext

from benchmarks.chromium import NO_BROWSER, find_chromium, running_chromium
from infra.clock import SystemClock
from infra.embedded.attachment import Attachment
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from runway.demo.sample_firm import SAMPLES
from tests.browser.furnished import Furnished, furnish
from tests.browser.screen_list import Screen, list_screens
from tests.browser.site import open_site
from tests.browser.watching import Theme
from tests.rig import RunServers, create_worker_database

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
WIDTHS = (1440, 360)
THEMES: tuple[Theme, ...] = ("light", "dark")
_COLOURS = 64
_TALLEST = 1500
_PATIENCE_MS = 120_000


async def draw(wanted: Sequence[str]) -> int:
    """How many pictures were drawn."""
    path = find_chromium()
    if path is None:
        raise SystemExit(NO_BROWSER)
    with (
        tempfile.TemporaryDirectory(prefix="oodaloo-screens-") as home,
        Attachment(Path(home) / "servers", durable=False) as attachment,
    ):
        servers = RunServers(attachment)
        database = create_worker_database(servers, "oodaloo_screens")
        today = SystemClock().now().astimezone(PACIFIC).date()
        files = [sample_company(sample.books, today=today) for sample in SAMPLES]
        async with (
            open_site(database, servers.redis_url(0), home=Path(home), files=files) as site,
            running_chromium(path) as browser,
        ):
            furnished = await furnish(site, [sample.name for sample in SAMPLES])
            screens = [one for one in await list_screens(furnished) if not wanted or one.name in wanted]
            drawn = await _draw_all(browser, furnished, screens)
            write_index(FOLDER)
            return drawn


def write_index(folder: Path) -> None:
    """A page that shows them all: wide in both themes, with links to the narrow ones."""
    names = sorted(path.name.removesuffix("-1440-light.png") for path in folder.glob("*-1440-light.png"))
    rows = [
        f"## {name}\n\n| light | dark |\n| --- | --- |\n| ![{name}]({name}-1440-light.png) | ![{name}, dark]({name}-1440-dark.png) |\n\n"
        f"Narrow: [light]({name}-360-light.png), [dark]({name}-360-dark.png).\n"
        for name in names
    ]
    told = "# Every screen\n\nDrawn by `python -m tests.browser.screens` from the sample firm of `make demo`; run it after a change of looks.\n\n"
    (folder / "README.md").write_text(told + "\n".join(rows), encoding="utf-8")


async def _draw_all(browser: Browser, furnished: Furnished, screens: Sequence[Screen]) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = 0
    for width in WIDTHS:
        context = await browser.new_context(
            base_url=furnished.site.url,
            viewport={"width": width, "height": 900 if width > 600 else 740},
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="America/Los_Angeles",
        )
        context.set_default_timeout(_PATIENCE_MS)
        for screen in screens:
            await _draw(context, furnished, screen, width=width)
            drawn += len(THEMES)
        await context.close()
    return drawn


async def _draw(context: BrowserContext, furnished: Furnished, screen: Screen, *, width: int) -> None:
    await context.clear_cookies()
    if screen.who is not None:
        await furnished.site.let_in(context, screen.who.session)
    page = await context.new_page()
    await page.goto(screen.path)
    await page.evaluate("() => document.fonts.ready.then(() => true)")
    if screen.prepare is not None:
        await screen.prepare(page)
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        height = min(_TALLEST, await page.evaluate("() => document.documentElement.scrollHeight"))
        picture = await page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height}, full_page=True)
        _keep(picture, FOLDER / f"{screen.name}-{width}-{theme}.png")
    await page.close()


def _keep(picture: bytes, path: Path) -> None:
    """Few colours: a screen has few, and the pictures are kept in the repository."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


if __name__ == "__main__":
    print(f"{asyncio.run(draw(sys.argv[1:]))} pictures in {FOLDER}")  # noqa: T201  # a command's answer
