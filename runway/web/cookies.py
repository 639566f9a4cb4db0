"""The session's cookie: no script reads it, no other site sends it, no other host sets it. And the theme's, which is no secret."""

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from infra.production import is_loopback
from runway.routes.request_proofs import PLAIN_SESSION_COOKIE, SESSION_COOKIE, services_of

THEME_COOKIE = "theme"
THEMES = ("light", "dark")
_THEME_SECONDS = 365 * 86_400


def theme_of(request: Request) -> str | None:
    """What the person chose here; None: as their system has it."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


def keep_theme(response: Response, theme: str) -> None:
    """A script may read and set it: it changes before the next page comes."""
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=_THEME_SECONDS, path="/", samesite="lax")
    else:
        response.delete_cookie(THEME_COOKIE, path="/", samesite="lax")


def give_session(response: Response, request: Request, session: SecretStr) -> None:
    """It ends with the browser; the server ends it before, when it is idle or old."""
    is_plain = _is_plain(request)
    response.set_cookie(
        PLAIN_SESSION_COOKIE if is_plain else SESSION_COOKIE,
        session.get_secret_value(),
        path="/",
        secure=not is_plain,
        httponly=True,
        samesite="lax",
    )


def take_session(response: Response) -> None:
    for name, is_secure in ((SESSION_COOKIE, True), (PLAIN_SESSION_COOKIE, False)):
        response.delete_cookie(name, path="/", secure=is_secure, httponly=True, samesite="lax")


def _is_plain(request: Request) -> bool:
    """Plain http on this machine only: browsers take no `__Host-` cookie there."""
    public = services_of(request).settings.web.public_url
    return public.scheme == "http" and is_loopback(public.host)
