"""What a person sees when a page cannot be shown: a page too, or the sign-in that it takes."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from domains.core.errors import SessionUnknown
from domains.core.sign_in_errors import LinkGone, ProofTooOld
from infra.errors import OodalooError
from infra.logging import get_logger
from runway.routes.errors import BUG, kind_of
from runway.web.cookies import take_session
from runway.web.local_paths import HOME
from runway.web.rendering import go_to, render, render_refusal

Handler = Callable[[Request], Awaitable[Response]]

log = get_logger()


class PageRoute(APIRoute):
    def get_route_handler(self) -> Any:
        answer: Handler = super().get_route_handler()

        async def answer_readably(request: Request) -> Response:
            try:
                return await answer(request)
            except SessionUnknown:
                response = go_to(f"/sign-in?{urlencode({'next': _wanted(request)})}")
                take_session(response)
                return response
            except ProofTooOld:
                return go_to(f"/sign-in/again?{urlencode({'next': _wanted(request)})}")
            except RequestValidationError:
                detail = "Something in this request cannot be read. Go back and try again."
                values = {"title": "The request is malformed", "detail": detail}
                return render(request, "error.html", status=HTTPStatus.UNPROCESSABLE_ENTITY, **values)
            except OodalooError as error:
                return _page_of(request, error)

        return answer_readably


def _wanted(request: Request) -> str:
    """What a form sent is gone by then, so that its page is asked for again."""
    if request.method not in {"GET", "HEAD"}:
        return HOME
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _page_of(request: Request, error: OodalooError) -> Response:
    kind = kind_of(error)
    if kind is BUG:
        raise error
    title = "This link is used up" if isinstance(error, LinkGone) else kind.title
    return render_refusal(request, "error.html", error, title=title, detail=str(error))
