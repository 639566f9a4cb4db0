"""What a person sees when a page cannot be shown: a page too, or the sign-in that it takes. For htmx, what its script shows instead."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domains.core.errors import NotPermitted, SessionUnknown
from domains.core.sign_in_errors import LinkGone, ProofTooOld, SecondFactorMissing
from infra.errors import OodalooError
from infra.logging import get_logger
from runway.routes.errors import BUG, kind_of
from runway.web.cookies import take_session
from runway.web.local_paths import HOME, local_path
from runway.web.rendering import go_to, render, render_refusal, wants_part
from runway.web.strings import _, keyed, read_by, reader_of

Handler = Callable[[Request], Awaitable[Response]]

log = get_logger()

_TITLES = {
    HTTPStatus.FORBIDDEN: keyed("You may not open this"),
    HTTPStatus.NOT_FOUND: keyed("There is nothing here"),
    HTTPStatus.CONFLICT: keyed("This cannot be done now"),
    HTTPStatus.TOO_MANY_REQUESTS: keyed("That was too often"),
    HTTPStatus.SERVICE_UNAVAILABLE: keyed("QuickBooks does not answer now"),
    HTTPStatus.BAD_GATEWAY: keyed("QuickBooks does not answer now"),
}


class PageRoute(APIRoute):
    def get_route_handler(self) -> Any:
        answer: Handler = super().get_route_handler()

        async def answer_readably(request: Request) -> Response:
            with read_by(reader_of(request.headers.get("Accept-Language"))):
                try:
                    return await answer(request)
                except SessionUnknown:
                    return _to_sign_in(request)
                except ProofTooOld:
                    return _onwards(request, f"/sign-in/again?{urlencode({'next': _wanted(request)})}")
                except RequestValidationError:
                    detail = _("Something in this request cannot be read. Go back and try again.")
                    return _refuse(
                        request,
                        status=HTTPStatus.UNPROCESSABLE_ENTITY,
                        title=_("The request is malformed"),
                        detail=detail,
                    )
                except OodalooError as error:
                    return _page_of(request, error)
                except HTTPException:
                    raise
                except Exception as error:  # noqa: BLE001  # a person gets a page, whatever broke; it is logged as the API's are
                    return _page_of_bug(request, error)

        return answer_readably


def _to_sign_in(request: Request) -> Response:
    """The library would put the sign-in into a corner of the page: its script asks the person, and keeps what they typed."""
    if wants_part(request):
        return render(request, "_signed_out.html", status=HTTPStatus.UNAUTHORIZED)
    response = go_to(f"/sign-in?{urlencode({'next': _wanted(request)})}")
    take_session(response)
    return response


def _onwards(request: Request, path: str) -> Response:
    if wants_part(request):
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": path, "Cache-Control": "no-store"})
    return go_to(path)


def _wanted(request: Request) -> str:
    """The page that the person looks at. Of a form it is the one that it was sent from, as far as the browser tells."""
    if request.method in {"GET", "HEAD"} and not wants_part(request):
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return came_from(request)


def came_from(request: Request) -> str:
    """The page that the request was sent from, as far as the browser tells; otherwise the home page."""
    told = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    if told.netloc != request.url.netloc:
        return HOME
    return local_path(told.path + (f"?{told.query}" if told.query else ""))


def _page_of(request: Request, error: OodalooError) -> Response:
    kind = kind_of(error)
    if kind is BUG:
        return _page_of_bug(request, error)
    title = _("This link is used up") if isinstance(error, LinkGone) else _(_TITLES.get(kind.status, kind.title))
    if isinstance(error, NotPermitted | SecondFactorMissing):
        lacks = isinstance(error, SecondFactorMissing)
        return _refuse(request, status=kind.status, title=title, detail=_why(error), lacks_factor=lacks)
    if wants_part(request):
        return _refuse(request, status=kind.status, title=title, detail=str(error))
    return render_refusal(request, "error.html", error, title=title, detail=str(error), lacks_factor=False)


def _why(error: NotPermitted | SecondFactorMissing) -> str:
    if isinstance(error, SecondFactorMissing):
        return _("Your role has it, but only with a second factor.")
    told = _(
        "Your role in this business does not have the permission %(permission)s. Its owner or your firm can give it."
    )
    return told % {"permission": error.permission}


def _page_of_bug(request: Request, error: Exception) -> Response:
    log.error("http.request.failed", path=request.url.path, exc_info=error)
    detail = _("It is in our log under %(id)s. What you typed may not be kept.") % {"id": request.state.request_id}
    return _refuse(request, status=BUG.status, title=_("Something went wrong here"), detail=detail)


def _refuse(request: Request, *, status: int, title: str, detail: str, lacks_factor: bool = False) -> Response:
    template = "_refused.html" if wants_part(request) else "error.html"
    return render(request, template, status=status, title=title, detail=detail, lacks_factor=lacks_factor)
