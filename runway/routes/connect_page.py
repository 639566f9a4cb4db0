"""What a person's browser shows of a connect: small pages without script, for an error too."""

from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from infra import exact_json
from runway.routes.errors import answer_error

NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_STYLE = ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}small{opacity:.8}"

Handler = Callable[[Request], Awaitable[Response]]


class PageRoute(APIRoute):
    """A route whose errors a browser sees as a page. Whoever does not ask for HTML gets the problem document."""

    def get_route_handler(self) -> Any:
        answer: Handler = super().get_route_handler()

        async def answer_readably(request: Request) -> Response:
            try:
                return await answer(request)
            except Exception as error:
                if "text/html" not in request.headers.get("Accept", ""):
                    raise
                return await _page_of(request, error)

        return answer_readably


def answer_page(
    request: Request,
    title: str,
    message: str,
    *,
    status: int = HTTPStatus.OK,
    request_id: str | None = None,
    onwards: tuple[str, str] | None = None,
) -> Response:
    """`onwards`: a path of ours, and the words of the link that leads there."""
    reference = f"<p><small>Reference for support: {escape(request_id)}</small></p>" if request_id else ""
    link = f'<p><a href="{escape(onwards[0])}" autofocus>{escape(onwards[1])}</a></p>' if onwards else ""
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style nonce="{request.state.csp_nonce}">{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(message)}</p>{link}{reference}</main></body></html>"
    )
    return HTMLResponse(page, status, headers=NO_STORE)


async def _page_of(request: Request, error: Exception) -> Response:
    """The problem that stands for the error, in a browser's clothes."""
    handlers = request.app.exception_handlers
    handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
    problem: Response = await handler(request, error) if handler else answer_error(request, error)
    body = exact_json.loads(bytes(problem.body))
    page = answer_page(
        request, body["title"], body["detail"], status=problem.status_code, request_id=body["request_id"]
    )
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in problem.headers:
            page.headers[name] = problem.headers[name]
    return page
