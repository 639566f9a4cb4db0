"""What the OpenAPI document says beyond the types: an example of each answer, and the problems an operation may end in."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from runway.routes.access import BUSINESS_HEADER
from runway.routes.errors import BUG, KINDS, MALFORMED, Kind
from runway.routes.problems import MEDIA_TYPE, TYPE_PREFIX, FieldProblem, Problem
from runway.routes.request_proofs import CSRF_HEADER, SESSION_COOKIE

VERSION = "1.0.0"
TITLE = "Oodaloo"
DESCRIPTION = """\
How many days of cash are left, and the bills and invoices behind that number, from a mirror of the company's
QuickBooks Online books.

* **Sign-in**: `Authorization: Bearer oo_…` on every path under `/api/v1` but the OAuth callback. A token opens the businesses it was
  made for; `X-Business-ID` chooses among several.
* **Amounts** are exact decimals as text, in major units, with their currency beside them. `payload` and `snapshot` are the
  rail's own JSON, whose numbers are numbers.
* **Freshness**: every answer from the books says how old it is. `max_age` asks for newer: seconds, or `live`.
* **Pages**: pass `next_cursor` as `cursor`, with the same filters.
* **Problems** are RFC 9457 documents; `type` names the kind for ever.
* **Limits**: each address and each token may ask so often; 429 says in `Retry-After` when there is room again.
* **ETag**: send it back as `If-None-Match`; 304 says that the data has not changed.
"""

_SIGNED_IN = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    MALFORMED.status,
)
# The edge may answer so wherever a request goes: these, which clients deal with, and those, which well-behaved ones never see.
_ANYWHERE = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_AT_THE_EDGE = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
)
_EXAMPLE_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The cursor cannot be read. Pass the last page's next_cursor, unchanged.",
    HTTPStatus.UNAUTHORIZED: "This token is not valid, or not any more.",
    HTTPStatus.FORBIDDEN: "This needs the permission members.manage, which you do not have in this business.",
    HTTPStatus.NOT_FOUND: "There is no such business for you.",
    HTTPStatus.CONFLICT: "This business is not connected to QuickBooks yet.",
    HTTPStatus.REQUEST_TIMEOUT: "The body was not here within 15 s.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body may have 1048576 bytes.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The path and query may have 8192 bytes.",
    HTTPStatus.MISDIRECTED_REQUEST: "This server does not answer for the host that the request names.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "There may be 100 header fields of 32768 bytes together.",
    MALFORMED.status: "query.limit: Input should be less than or equal to 200",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests: the limit 'credential' is used up.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "It is in our log under the request's id.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The books could not be brought up to date, and this needs them live: qbo did not answer within 10 s.",
}

FRESHNESS_EXAMPLE = {
    "as_of": "2026-03-15T19:00:00Z",
    "age_seconds": 240,
    "source": "mirror",
    "calls_spent": 0,
    "stale": False,
    "reason": None,
    "quarantined": 0,
    "open_drift": 0,
}


def documented(example: Any, *problems: HTTPStatus, status: HTTPStatus = HTTPStatus.OK) -> dict[int | str, Any]:
    """FastAPI's `responses` of an operation for those who are signed in; `problems` are those beyond the usual."""
    usual = (*_SIGNED_IN, *_ANYWHERE)
    return {
        int(status): {"content": {"application/json": {"example": example}}},
        **{int(one): _problem(one) for one in sorted({*usual, *problems})},
    }


def documented_without_answer(told: str, *problems: HTTPStatus) -> dict[int | str, Any]:
    """The `responses` of an operation that answers 204."""
    responses = documented(None, *problems, status=HTTPStatus.NO_CONTENT)
    return responses | {HTTPStatus.NO_CONTENT.value: {"description": told}}


def books_example(data: Any, *, next_cursor: str | None = None, is_page: bool = False) -> dict[str, Any]:
    """An answer from the books."""
    page = {"next_cursor": next_cursor} if is_page else {}
    return {"data": data, **page, "freshness": FRESHNESS_EXAMPLE}


def read_of_books(example: Any) -> dict[int | str, Any]:
    """The responses of a read that has a freshness and an ETag."""
    unchanged = {HTTPStatus.NOT_MODIFIED.value: {"description": "The data is what `If-None-Match` names."}}
    return documented(example, HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE) | unchanged


def operation_id(route: APIRoute) -> str:
    """The function's name: it stays when a path is moved."""
    return route.name


def describe(app: FastAPI, routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document, with the problem's schema, which no operation returns as its own type.

    FastAPI drops what is null from examples, and null is an answer here: the examples are put in as they were written.
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=TITLE, version=VERSION, summary="Cash runway", description=DESCRIPTION, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, FieldProblem):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema.pop("$defs", None)
            schemas[model.__name__] = schema
        for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
            for method in (route.methods or ()) if route.include_in_schema else ():
                operation = document["paths"][route.path][method.lower()]
                _restore_examples(operation["responses"], route.responses)
                for status in _AT_THE_EDGE:
                    operation["responses"].setdefault(str(status.value), _problem(status))
                _tell_who_may(operation, route.dependant)
        document["components"]["securitySchemes"] = _SCHEMES
        app.openapi_schema = document
    return app.openapi_schema


def declared(dependant: Dependant, kind: str) -> set[Any]:
    """What a route's dependencies declare under that name: `permission` or `door`."""
    own = getattr(dependant.call, kind, None)
    found = set() if own is None else {own}
    return found.union(*(declared(inner, kind) for inner in dependant.dependencies))


def _tell_who_may(operation: dict[str, Any], dependant: Dependant) -> None:
    """The credentials and the business, which `access.entry_of` reads from the headers itself."""
    if declared(dependant, "permission"):
        operation.setdefault("parameters", []).append(_BUSINESS_PARAMETER)
    elif not declared(dependant, "door"):
        return
    operation["security"] = [{name: []} for name in _SCHEMES]


_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "oo_…",
        "description": (
            "`Authorization: Bearer oo_…`. A token opens the businesses, and has the permissions, it was made for."
        ),
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": f"A signed-in browser's session. Every unsafe request carries `{CSRF_HEADER}` besides.",
    },
}
_BUSINESS_PARAMETER = {
    "name": BUSINESS_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The business. Needed where the caller has several; any other is not found.",
}


def _restore_examples(shown: dict[str, Any], written: Mapping[int | str, Any]) -> None:
    for status, response in written.items():
        for media_type, content in response.get("content", {}).items():
            if "example" in content:
                shown[str(status)]["content"][media_type]["example"] = content["example"]


def _problem(status: HTTPStatus) -> dict[str, Any]:
    kinds = _kinds_of(status)
    example = {
        "type": TYPE_PREFIX + kinds[0].name,
        "title": kinds[0].title,
        "status": status.value,
        "detail": _EXAMPLE_DETAILS[status],
        "instance": "/api/v1/bills",
        "request_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "; ".join(f"`{kind.name}`: {kind.title}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _kinds_of(status: HTTPStatus) -> list[Kind]:
    return [kind for kind in (MALFORMED, BUG, *KINDS.values()) if kind.status == status]
