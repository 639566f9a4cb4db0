"""Which HTTP status each kind of error has. What no kind covers is a bug: 500, logged with the request's id."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domains.ap.approval_errors import LooksLikeDuplicate, NotAsSeen
from domains.ap.payment_errors import BillBeingPaid
from domains.core.digests import DigestKeyUsed
from infra import errors
from infra.actions.errors import KeyUsedForOther, TargetTaken
from infra.errors import OodalooError
from infra.logging import get_logger
from infra.sync.mirror_age import StaleRefused
from runway.routes import refusals
from runway.routes.approval_answers import DuplicateOut, said_changes
from runway.routes.problems import problem_response

log = get_logger()

CONNECT_PATH = "/api/v1/qbo/connect"
ACTIONS_PATH = "/api/v1/payments"


@dataclass(frozen=True)
class Kind:
    """How one kind of error leaves: `name` ends the problem's type."""

    status: HTTPStatus
    name: str
    title: str


_OTHER_WISH = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "key-used-for-other", "The key stands for another wish")
# An error has the status of the nearest of its classes that stands here.
KINDS: dict[type[OodalooError], Kind] = {
    errors.InvalidInput: Kind(HTTPStatus.BAD_REQUEST, "invalid-input", "The request cannot be used"),
    errors.MalformedJSON: Kind(HTTPStatus.BAD_REQUEST, "malformed-json", "The body is not JSON"),
    refusals.NestedTooDeep: Kind(HTTPStatus.BAD_REQUEST, "nested-too-deep", "The body nests too deep"),
    errors.Unauthenticated: Kind(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Sign-in is needed"),
    errors.Forbidden: Kind(HTTPStatus.FORBIDDEN, "forbidden", "Not allowed"),
    errors.NotFound: Kind(HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    errors.Conflict: Kind(HTTPStatus.CONFLICT, "conflict", "The present state forbids it"),
    errors.RailNotEnabled: Kind(HTTPStatus.CONFLICT, "rail-not-enabled", "The rail is not enabled"),
    errors.RailNeedsReconnect: Kind(HTTPStatus.CONFLICT, "reconnect-needed", "The company must be connected again"),
    errors.RailStaleVersion: Kind(HTTPStatus.CONFLICT, "stale-version", "It changed since it was read"),
    errors.RailRejected: Kind(HTTPStatus.CONFLICT, "rail-rejected", "The rail refused"),
    KeyUsedForOther: _OTHER_WISH,
    DigestKeyUsed: _OTHER_WISH,
    refusals.BodyTooSlow: Kind(HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", "The body took too long"),
    refusals.BodyTooLarge: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "The body is too large"),
    refusals.AddressTooLong: Kind(HTTPStatus.REQUEST_URI_TOO_LONG, "address-too-long", "The address is too long"),
    refusals.Misdirected: Kind(HTTPStatus.MISDIRECTED_REQUEST, "misdirected", "Another host is meant"),
    errors.TooManyRequests: Kind(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
    refusals.HeadersTooLarge: Kind(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "The header fields are too large"
    ),
    refusals.TimedOut: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "timed-out", "The answer took too long"),
    errors.RailRateLimited: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "rail-rate-limited", "The rail asks us to wait"),
    StaleRefused: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "stale-refused", "The books could not be brought up to date"),
    errors.RailUnavailable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "rail-unavailable", "The rail cannot be reached"),
    errors.RailError: Kind(HTTPStatus.BAD_GATEWAY, "rail-failed", "The rail failed"),
}

MALFORMED = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed-request", "The request is malformed")
BUG = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong here")


def kind_of(error: Exception) -> Kind:
    """The nearest class's kind; `BUG` where the table has none."""
    return next((KINDS[base] for base in type(error).__mro__ if base in KINDS), BUG)


def answer_error(request: Request, error: Exception) -> Response:
    """The problem that stands for `error`. A bug's text stays in the log."""
    kind = kind_of(error)
    if kind is BUG:
        log.error("http.request.failed", path=request.url.path, exc_info=error)
        detail = "It is in our log under the request's id."
        return problem_response(request, kind.name, status=kind.status, title=kind.title, detail=detail)
    return problem_response(
        request,
        kind.name,
        status=kind.status,
        title=kind.title,
        detail=str(error),
        headers=_headers_of(error),
        **_members_of(error),
    )


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Answer every error that a route, a dependency or the router raises. `routers` tell the methods that a path takes."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    app.state.methods_by_path = [(route.path, route.path_regex, route.methods) for route in routes]
    app.add_exception_handler(OodalooError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.add_exception_handler(HTTPException, _answer_http)


def _headers_of(error: Exception) -> dict[str, str]:
    match error:
        case errors.Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case errors.RailRateLimited(retry_after_seconds=seconds) | errors.TooManyRequests(retry_after_seconds=seconds):
            return {"Retry-After": str(max(1, ceil(seconds)))}
        case refusals.BodyTooLarge() | refusals.BodyTooSlow():
            return {"Connection": "close"}  # the rest of the body is not read
        case _:
            return {}


def _members_of(error: Exception) -> dict[str, Any]:
    members: dict[str, Any] = {}
    match error:
        case errors.RailNeedsReconnect():
            members = {"reconnect": CONNECT_PATH}
        case errors.RailRejected(code=code):
            return {"rail_code": code}
        case refusals.LimitReached(limit=limit):
            members = {"limit": limit}
        case LooksLikeDuplicate(duplicates=found):
            members = {"duplicates": [DuplicateOut.of(one).model_dump() for one in found]}
        case NotAsSeen(changed=changed):
            members = {"changed": said_changes(changed)}
        case (
            BillBeingPaid(intent_id=intent_id) | KeyUsedForOther(intent_id=intent_id) | TargetTaken(intent_id=intent_id)
        ):
            members = {"action": f"{ACTIONS_PATH}/{intent_id}"}
    # What a refusal is called, for programs, where it has a name.
    name = getattr(error, "code", None)
    return members | {"code": name} if isinstance(name, str) else members


async def _answer_ours(request: Request, error: Exception) -> Response:
    return answer_error(request, error)


async def _answer_malformed(request: Request, error: Exception) -> Response:
    """Which part is wrong and what it should be; what was sent is not repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [{"where": ".".join(map(str, item["loc"])), "problem": item["msg"]} for item in found]
    return problem_response(
        request,
        MALFORMED.name,
        status=MALFORMED.status,
        title=MALFORMED.title,
        detail="; ".join(f"{item['where']}: {item['problem']}" for item in problems),
        errors=problems,
    )


def _methods_at(request: Request) -> set[str]:
    """All of the path's: the router names those of its first route there alone (RFC 9110, 15.5.6). A path without parameters is itself."""
    asked, table = request.url.path, request.app.state.methods_by_path
    own = [methods for path, _, methods in table if path == asked]
    return set().union(*(own or (methods for _, regex, methods in table if regex.match(asked))))


async def _answer_http(request: Request, error: Exception) -> Response:
    """The router's own: no such path, no such method."""
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = error.headers if isinstance(error, HTTPException) else None
    match status:
        case HTTPStatus.NOT_FOUND:
            kind, detail = "not-found", "There is nothing at this path."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            kind, detail = "method-not-allowed", f"This path does not take {request.method}."
            headers = {**(headers or {}), "Allow": ", ".join(sorted(_methods_at(request)))}
        case _:
            # Not what was raised with it, which may be a library's own words.
            kind, detail = f"http-{status.value}", status.description or status.phrase
    return problem_response(request, kind, status=status, detail=detail, headers=headers)
