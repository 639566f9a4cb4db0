"""What a request shows of who sent it, and whether a page of ours made it: token, session, and the proof that goes with a session."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from fastapi import Request

from infra.errors import Forbidden
from runway.routes.masking import unmasked
from runway.services import Services

SESSION_COOKIE = "__Host-sid"
PLAIN_SESSION_COOKIE = "sid"  # on plain http, which is loopback only: browsers refuse the prefix there
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignRequest(Forbidden):
    """A request that another site made this browser send, or that does not prove otherwise."""

    def __init__(self) -> None:
        super().__init__(
            f"This request does not come from a page of ours: its origin or its {CSRF_HEADER} is not right."
        )


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def bearer_token(request: Request) -> str | None:
    """The token that the request shows; None without one, and for another scheme."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def session_token(request: Request) -> str | None:
    """The session that the browser shows. Over https only the cookie that no other host of the domain can have set."""
    held = request.cookies.get(SESSION_COOKIE)
    if held is None and request.url.scheme == "http":
        held = request.cookies.get(PLAIN_SESSION_COOKIE)
    return held or None


def csrf_token(session: str) -> str:
    """What our own pages send back with every unsafe request: known to whoever knows the session, and to no other site."""
    return hmac.new(session.encode(), b"csrf", sha256).hexdigest()


def refuse_foreign(request: Request, *, sent: str | None) -> None:
    """Raise unless an unsafe request that a cookie authenticates comes from a page of ours.

    Raises:
        ForeignRequest: another origin, or no token of this session.
    """
    if request.method in SAFE_METHODS:
        return
    refuse_foreign_origin(request)
    session = session_token(request)
    if (
        session is None
        or sent is None
        or not hmac.compare_digest(unmasked(sent).encode(), csrf_token(session).encode())
    ):
        raise ForeignRequest


def refuse_foreign_origin(request: Request) -> None:
    """Raise when the browser says that another site sent the request.

    Raises:
        ForeignRequest: `Sec-Fetch-Site` or `Origin` names another.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise ForeignRequest
    origin = request.headers.get("Origin")
    ours = urlsplit(str(services_of(request).settings.web.public_url))
    if origin is not None and urlsplit(origin)[:2] != ours[:2] and urlsplit(origin).netloc != request.url.netloc:
        raise ForeignRequest
