"""The browser of this machine: Debian's Chromium, driven by Playwright, with a profile of its own that is gone afterwards."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NO_BROWSER = "No Chromium on this machine (apt-get install chromium): pages are not tried in a browser."
_NAMES = ("chromium", "chromium-browser")
# Nothing is fetched that no page asked for: a test of "no other host" must not meet the browser's own errands.
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # tests may run as root, whom Chromium refuses otherwise
    "--disable-gpu",
    "--disable-software-rasterizer",  # nor one that this processor plays: no page of ours draws in three dimensions
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def running_chromium(path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()
