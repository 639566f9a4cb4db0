"""The outermost layer of a request: its id in and out, its line in the log, and the last catch."""

import re
import time
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.ids import new_id
from infra.logging import get_logger
from runway.routes.errors import answer_error

REQUEST_ID_HEADER = "X-Request-ID"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = get_logger()


class RequestEdge:
    """Pure ASGI, so that what is bound here is seen by every line the request logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request_id = _request_id(request.headers.get(REQUEST_ID_HEADER))
        request.state.request_id = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER.lower().encode(), request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                raise  # the answer is on its way: only the server can cut it off
            await answer_error(request, error)(scope, receive, send_with_id)
        finally:
            # The path alone: a query may hold Intuit's code.
            ms = round((time.perf_counter() - began) * 1000, 1)
            log.info("http.request.done", method=request.method, path=request.url.path, status=status, ms=ms)


def bind_business(business_id: UUID) -> None:
    """Name the business on every later line of this request's log."""
    structlog.contextvars.bind_contextvars(business_id=str(business_id))


def _request_id(given: str | None) -> str:
    """The caller's own, unless it could forge a log line or fill it."""
    return given if given and _ACCEPTABLE.fullmatch(given) else str(new_id())
