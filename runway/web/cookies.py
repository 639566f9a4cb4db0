"""The session's cookie: no script reads it, no other site sends it, no other host sets it."""

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from infra.production import is_loopback
from runway.routes.access import PLAIN_SESSION_COOKIE, SESSION_COOKIE, services_of


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
