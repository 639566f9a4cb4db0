"""Whoever looks over a page's shoulder: errors of scripts, what the content policy stopped, requests to other hosts."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

Theme = Literal["light", "dark"]
# Chromium says in the console what it says in red in its network panel; a refusal that a test asks for is no error.
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
_PATIENCE_MS = 30_000  # of a machine on which other tests run
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`content policy: ${event.violatedDirective} stopped ${event.blockedURI} ${event.sample}`);
});
"""


@dataclass
class Watch:
    """`wrong` is what a test must not see, in words; `hosts` may be asked, and `ours` is the one that is looked at."""

    hosts: frozenset[str]
    ours: str
    wrong: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)
    is_away: bool = False

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """The page is refused something on purpose."""
        before, self.allowed = self.allowed, {*self.allowed, *statuses}
        try:
            yield
        finally:
            self.allowed = before

    @contextmanager
    def server_away(self) -> Iterator[None]:
        """Nobody answers for a while, on purpose."""
        self.is_away = True
        try:
            yield
        finally:
            self.is_away = False

    def taken(self) -> list[str]:
        """What went wrong up to now, for a test that tells it with more."""
        found, self.wrong = self.wrong, []
        return found

    def on(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error.message}"))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        refused = _REFUSED.match(message.text)
        if refused and int(refused[1]) in self.allowed:
            return
        if self.is_away and "net::ERR_" in message.text:
            return
        where: Any = message.location
        if where["url"] and urlsplit(where["url"]).netloc != self.ours:
            return  # another's page, such as the consent's: what is wrong there is not ours
        self.wrong.append(f"{where['url']}:{where['lineNumber']}: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "blob", "about", "chrome-error"}:
            return
        self.requests.append(request.url)
        if parts.netloc not in self.hosts:
            self.wrong.append(f"{request.method} {request.url}: another host")


expect.set_options(timeout=_PATIENCE_MS)


@asynccontextmanager
async def watched_page(
    browser: Browser,
    site: str,
    *,
    also: tuple[str, ...] = (),
    width: int = 1440,
    theme: Theme = "light",
    script: bool = True,
) -> AsyncIterator[tuple[Page, Watch]]:
    """A page of a new profile; leaving, whatever went wrong fails the test. `also`: hosts that a step leads to."""
    watch = Watch(frozenset(urlsplit(url).netloc for url in (site, *also)), urlsplit(site).netloc)
    context = await browser.new_context(
        base_url=site,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="America/Los_Angeles",
        java_script_enabled=script,
    )
    context.set_default_timeout(_PATIENCE_MS)
    await context.add_init_script(_TELL_VIOLATIONS)
    context.on("page", watch.on)
    try:
        yield await context.new_page(), watch
    finally:
        await context.close()
    assert not watch.wrong, "\n".join(watch.wrong)
