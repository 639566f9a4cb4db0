"""Templates to answers. What a person typed is escaped everywhere; nothing of a page is kept by a cache."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domains.core.permissions import Role
from infra.errors import TooManyRequests
from runway.orchestrators.letters import role_in_words
from runway.routes.errors import kind_of

# The links of letters are addresses that open a door: no other page learns where one came from.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_MOZILLA_FAMILY = ("Firefox", "Edg", "OPR", "Chrome", "Safari", "curl", "python")
_SHOWN = {"Edg": "Edge", "OPR": "Opera", "python": "a program", "curl": "curl"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")


def _when(instant: datetime) -> str:
    return f"{instant:%-d %B %Y, %H:%M} UTC"


def _browser(agent: str) -> str:
    """What a person calls it: Firefox on Windows."""
    name = next((_SHOWN.get(known, known) for known in _MOZILLA_FAMILY if known in agent), "A browser")
    system = next((known for known in _SYSTEMS if known in agent), None)
    name = name[0].upper() + name[1:]
    return f"{name} on {system.replace('Mac OS X', 'macOS')}" if system else name


_templates = Environment(
    loader=PackageLoader("runway.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_templates.filters |= {"when": _when, "browser": _browser, "in_words": lambda role: role_in_words(Role(role))}


def render(request: Request, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """`person` and `csrf` are of a signed-in page; `errors` are texts by field, the form's own under ""."""
    context = {"person": None, "csrf": "", "errors": {}, "notice": None, **values}
    html = _templates.get_template(template).render(nonce=request.state.csp_nonce, **context)
    return HTMLResponse(html, status, headers=_HEADERS)


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
