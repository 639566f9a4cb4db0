"""Every screen in both themes, on a telephone, a tablet and a desk: what axe-core finds, and what is wider than the screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from tests.browser.axe import OF_COLOUR, shape_of, violations_of
from tests.browser.furnished import Furnished
from tests.browser.screen_list import Screen
from tests.browser.watching import Theme, Watch, watched_page

WIDTHS = (360, 768, 1440)
THEMES: tuple[Theme, ...] = ("light", "dark")
Widths = Sequence[tuple[int, Sequence[Theme]]]
Plan = Callable[[int], Widths]


@dataclass(frozen=True)
class Looked:
    """`looks` are screens in a theme at a width; `wrong` says where, and what."""

    looks: int
    wrong: list[str]


def whole(number: int) -> Widths:  # noqa: ARG001 - the same of each screen
    return [(width, THEMES) for width in WIDTHS]


def sample(seed: int) -> Plan:
    """Of each screen one look of the six; two screens one after another have both themes."""
    looks = [(width, theme) for width in WIDTHS for theme in THEMES]

    def of(number: int) -> Widths:
        width, theme = looks[(number + seed) % len(looks)]
        return [(width, [theme])]

    return of


async def look_at(chromium: Browser, furnished: Furnished, screens: Sequence[Screen], *, plan: Plan) -> Looked:
    """One page for all that a person opens, which has another profile than anybody else's."""
    looks, wrong, url = 0, [], furnished.site.url
    numbered = [(screen, plan(number)) for number, screen in enumerate(screens)]
    for session in dict.fromkeys(_session(screen) for screen in screens):
        async with watched_page(chromium, url) as (page, watch):
            if session is not None:
                await furnished.site.let_in(page.context, session)
            for screen, widths in numbered:
                if _session(screen) == session:
                    looks += sum(len(themes) for _, themes in widths)
                    wrong += [f"{screen.name}{one}" for one in await _open(page, watch, screen, widths, site=url)]
    return Looked(looks, wrong)


def _session(screen: Screen) -> str | None:
    return None if screen.who is None else screen.who.session


async def _open(page: Page, watch: Watch, screen: Screen, widths: Widths, *, site: str) -> list[str]:
    with watch.expecting(screen.status):
        answer = await page.goto(screen.path)
        assert answer is not None
        shown = page.url.removeprefix(site)
        if (answer.status, shown) != (screen.status, screen.path):
            return [f": answered {answer.status} at {shown}"]
        if screen.prepare is not None:
            await screen.prepare(page)
        found = [one for width, themes in widths for one in await _look(page, width, themes)]
        for width in WIDTHS:
            await _resize(page, width)
            if await page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
                found.append(f" {width}: wider than the screen")
    return [*found, *(f": {one}" for one in watch.taken())]


async def _look(page: Page, width: int, themes: Sequence[Theme]) -> list[str]:
    """All rules in the first theme. In a second those of colour alone, where nothing but colours differs."""
    found, first = [], None
    await _resize(page, width)
    for theme in themes:
        await page.emulate_media(color_scheme=theme)
        shape = await shape_of(page) if len(themes) > 1 else None
        rules = OF_COLOUR if shape is not None and shape == first else ()
        found += [f" {width} {theme}: {one}" for one in await violations_of(page, rules=rules)]
        first = shape
    return found


async def _resize(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 900})
