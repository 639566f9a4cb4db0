"""Templates to answers. What a person typed is escaped everywhere; nothing of a page is kept by a cache."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domains.core.permissions import Role
from infra.errors import TooManyRequests
from infra.sync.freshness import Freshness
from runway.language.headline import headline
from runway.orchestrators.letters import role_in_words
from runway.routes.errors import kind_of
from runway.web.assets import asset, takes_gzip
from runway.web.clients import Client
from runway.web.cookies import theme_of
from runway.web.formats import FILTERS
from runway.web.icons import ICONS
from runway.web.navigation import links_for
from runway.web.strings import _, ngettext, reader
from runway.web.tour import tour_of
from runway.web.views.standing import BooksStanding, standing_of

# The links of letters are addresses that open a door: no other site learns where one came from. "no-referrer" would hide a form's
# origin from ourselves, too: browsers then send `Origin: null`, which is refused. Nor would a person come back to their page.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Vary": "HX-Request, Accept-Encoding",
}
_WORTH_PRESSING = 1_000
_FIRST_SCREEN = 20  # rows of a list; oodaloo.js lays out those below once these are painted
_MOZILLA_FAMILY = ("Firefox", "Edg", "OPR", "Chrome", "Safari", "curl", "python")
_SHOWN = {"Edg": "Edge", "OPR": "Opera", "python": "a program", "curl": "curl"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")


def _browser(agent: str) -> str:
    """What a person calls it: Firefox on Windows."""
    name = next((_SHOWN.get(known, known) for known in _MOZILLA_FAMILY if known in agent), "A browser")
    system = next((known for known in _SYSTEMS if known in agent), None)
    name = name[0].upper() + name[1:]
    return f"{name} on {system.replace('Mac OS X', 'macOS')}" if system else name


templates = Environment(
    loader=PackageLoader("runway.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # it would look at each file again for each row that includes it; a new release is a new process
    extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
)
templates.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the i18n extension
templates.filters |= FILTERS | {
    "headline": headline,
    "browser": _browser,
    "in_words": lambda role: role_in_words(Role(role)),
}
templates.globals |= {"asset": asset, "icons": ICONS, "reader": reader, "first_screen": _FIRST_SCREEN}


@dataclass(frozen=True)
class Bar:
    """The top bar of a client's page: whose books, how fresh, how true, and where else to go. `here` is the page's own link."""

    client: Client
    here: str
    standing: BooksStanding | None


def render(request: Request, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """`person` and `csrf` are of a signed-in page; `errors` are texts by field, the form's own under ""."""
    context: dict[str, Any] = {
        "person": None,
        "csrf": "",
        "errors": {},
        "notice": None,
        "bar": None,
        "client": None,
        "is_unread": False,
    }
    context |= values
    html = templates.get_template(template).render(
        nonce=request.state.csp_nonce,
        theme=theme_of(request),
        request_id=request.state.request_id,
        tour=tour_of(request) if context["person"] is not None else None,
        **context,
    )
    headers, body = _HEADERS, html.encode()
    if len(body) > _WORTH_PRESSING and takes_gzip(request):
        body, headers = gzip.compress(body, 5, mtime=0), {**headers, "Content-Encoding": "gzip"}
    return HTMLResponse(body, status, headers=headers)


def render_client(
    request: Request,
    client: Client,
    template: str,
    *,
    here: str,
    freshness: Freshness | None = None,
    part: str | None = None,
    status: int = HTTPStatus.OK,
    **values: Any,
) -> Response:
    """A page of one client: `app.html` with its top bar. For htmx, `part` of it alone, where one is named.

    `here` is the key of the page's link in `navigation`; `freshness` is that of the books shown, where the page shows any.
    """
    is_unread = freshness is not None and freshness.as_of is None
    context = {"client": client, "person": client.visit.person, "csrf": client.csrf, "is_unread": is_unread, **values}
    if part is not None and wants_part(request):
        return render(request, part, status=status, **context)
    standing = standing_of(freshness, now=client.clock.now()) if freshness is not None else None
    return render(request, template, status=status, bar=Bar(client, here, standing), links=links_for(client), **context)


def wants_part(request: Request) -> bool:
    """Whether htmx asks, for what it swaps in; after its history was lost it asks for the whole page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def render_refusal(request: Request, template: str, error: Exception, *, field: str = "", **values: Any) -> Response:
    """The same form again, with what is wrong beside the field."""
    status = kind_of(error).status
    answer = render(request, template, status=status, errors={field: str(error)}, **values)
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(max(1, ceil(error.retry_after_seconds)))
    return answer


def go_to(path: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """After a form: the browser asks for the next page, and asking again sends nothing twice."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={**_HEADERS, **(headers or {})})
