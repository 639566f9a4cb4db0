"""The outermost layer of a request: its id in and out, what is turned away, its headers, its line in the log, the last catch."""

import asyncio
import re
import time
from http import HTTPStatus
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.ids import new_id
from infra.logging import get_logger
from infra.observability.counted import note_request
from runway.routes.edge.body import CallerLeft
from runway.routes.edge.headers import new_nonce
from runway.routes.edge.rules import EdgeRules
from runway.routes.errors import answer_error
from runway.routes.refusals import EdgeRefusal, TimedOut

REQUEST_ID_HEADER = "X-Request-ID"
_WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})  # watchers that ask every second would fill the log
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_SAME_FOR_ALL = "/static/"

log = get_logger()


class RequestEdge:
    """Pure ASGI, so that what is bound here is seen by every line the request logs.

    Routes find on `request.state`: `request_id`, `client_address`, `began` (by the performance counter), and `csp_nonce` for a page's
    scripts and styles.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rules: EdgeRules = scope["app"].state.edge
        request = Request(scope, receive)
        began, path = time.perf_counter(), scope["path"]
        answer = _Answer(rules, request, send)
        request.state.began = began
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.state.request_id)
        try:
            await self._let_in(rules, request, receive=receive, answer=answer)
        except CallerLeft:
            pass
        except Exception as error:
            if answer.status:
                raise  # the answer is on its way: only the server can cut it off
            if isinstance(error, EdgeRefusal):
                log.warning("http.request.refused", reason=type(error).__name__, client=request.state.client_address)
            await answer_error(request, error)(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - began
            note_request(getattr(scope.get("route"), "path", None), scope["method"], answer.status, seconds=seconds)
            # The path alone: a query may hold Intuit's code.
            told = log.debug if path in _WATCHED and answer.status == HTTPStatus.OK else log.info
            told(
                "http.request.done",
                method=scope["method"],
                path=path,
                status=answer.status,
                ms=round(seconds * 1000, 1),
            )

    async def _let_in(self, rules: EdgeRules, request: Request, *, receive: Receive, answer: "_Answer") -> None:
        scope, headers = request.scope, request.headers
        rules.check(scope, headers)
        await rules.admit(scope, headers, address=request.state.client_address)
        whole = await rules.body.read(headers, receive)
        deadline = asyncio.timeout(rules.request_timeout.total_seconds())
        try:
            async with deadline:
                answer.deadline = deadline
                await self._app(scope, whole, answer.send)
        except TimeoutError:
            if deadline.expired():
                raise TimedOut from None
            raise
        finally:
            answer.deadline = None


class _Answer:
    """One answer on its way out; `status` is 0 until it begins."""

    def __init__(self, rules: EdgeRules, request: Request, send: Send) -> None:
        scope, headers, state = request.scope, request.headers, request.state
        peer = scope["client"][0] if scope.get("client") else None
        state.request_id = _request_id(headers.get(REQUEST_ID_HEADER))
        state.csp_nonce = new_nonce()
        state.client_address = rules.proxies.client_of(peer, headers)
        scope["scheme"] = rules.proxies.scheme_of(peer, headers, own=scope.get("scheme", "http"))
        self.status = 0
        self.deadline: asyncio.Timeout | None = None
        self._headers = rules.headers
        self._state = state
        # What is under /static is the same for everybody, and browsers keep it.
        is_of_a_person = not scope["path"].startswith(_SAME_FOR_ALL)
        self._is_signed_in = is_of_a_person and ("authorization" in headers or "cookie" in headers)
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._begin()
            message["headers"] = self._headers.complete(
                message.get("headers", ()),
                nonce=self._state.csp_nonce,
                is_signed_in=self._is_signed_in,
                request_id=self._state.request_id.encode(),
            )
        await self._send(message)

    def _begin(self) -> None:
        """From here on the answer may take its time: it may tell of progress."""
        if self.deadline is not None and not self.deadline.expired():
            self.deadline.reschedule(None)


def bind_business(business_id: UUID) -> None:
    """Name the business on every later line of this request's log."""
    structlog.contextvars.bind_contextvars(business_id=str(business_id))


def _request_id(given: str | None) -> str:
    """The caller's own, unless it could forge a log line or fill it."""
    return given if given and _ACCEPTABLE.fullmatch(given) else str(new_id())
