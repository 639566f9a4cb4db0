"""The simulator over HTTP: a Starlette application that speaks the QBO API, Intuit's OAuth2 and, apart, /admin."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra import exact_json
from infra.errors import MalformedJSON
from infra.logging import get_logger
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.admin import admin_routes
from infra.qbo.simulator.api.books_api import BooksAPI
from infra.qbo.simulator.api.oauth_pages import oauth_routes
from infra.qbo.simulator.api.tracing import tracing_headers
from infra.qbo.simulator.faults import GatewayFault, ServiceFault
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.layer import TroubleLayer

_log = get_logger()


def create_app(simulator: Simulator) -> Starlette:
    endpoint = _CompanyEndpoint(simulator)
    company = Route(
        "/v3/company/{realm_id}/{path:path}", endpoint.answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
    )
    app = Starlette(routes=[company, *oauth_routes(simulator), *admin_routes(simulator)])
    app.state.simulator = simulator
    app.add_middleware(TroubleLayer, simulator=simulator)
    return app


class _CompanyEndpoint:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._books = BooksAPI(simulator)

    async def answer(self, request: Request) -> Response:
        if self._simulator.latency_seconds:
            await asyncio.sleep(self._simulator.latency_seconds)
        payload = await request.body()
        try:
            return _json(self._dispatch(request, payload), status=200)
        except (ServiceFault, GatewayFault) as fault:
            return self._refusal(fault)
        except Exception as error:  # noqa: BLE001 - as QBO does: a defect answers 10000 and the service goes on
            _log.exception("simulator.request.failed", path=request.url.path)
            return self._refusal(faults.system_failure(type(error).__name__))

    def _refusal(self, fault: ServiceFault | GatewayFault) -> Response:
        now = self._simulator.clock.now()
        if isinstance(fault, GatewayFault) and self._sends_xml(fault):
            return Response(fault.xml(now), fault.status, headers=tracing_headers(), media_type="application/xml")
        return _json(exact_json.dumps(fault.body(now)), status=fault.status)

    def _sends_xml(self, fault: GatewayFault) -> bool:
        throttled = fault.status == HTTPStatus.TOO_MANY_REQUESTS
        return self._simulator.throttle_as_xml if throttled else self._simulator.auth_faults_as_xml

    def _dispatch(self, request: Request, payload: bytes) -> bytes:
        """No await inside: each request finds and leaves the books whole."""
        realm_id = request.path_params["realm_id"]
        company = self._simulator.admit(realm_id, request.headers.get("authorization"))
        parts = [part for part in request.path_params["path"].split("/") if part]
        name, identifier = (parts[0].lower() if parts else ""), (parts[1] if len(parts) > 1 else None)
        query = request.query_params
        counted = self._simulator.requests[realm_id]
        if name == "query" and request.method in {"GET", "POST"}:
            counted["query"] += 1
            text = query.get("query") if request.method == "GET" else payload.decode(errors="replace")
            return self._books.query(company, text or "")
        if name == "cdc" and request.method == "GET":
            counted["cdc"] += 1
            return self._books.changes(company, query.get("entities", ""), query.get("changedSince", ""))
        if request.method == "GET" and (identifier is not None or name == "preferences"):
            counted["read"] += 1
            return self._books.read(company, name, identifier or "1")
        if request.method == "POST" and identifier is None:
            counted["write"] += 1
            return self._books.write(company, name, _read_body(payload), dict(query))
        counted["unsupported"] += 1
        raise faults.unsupported(f"No resource method found for {request.method}, return 405 with Allow header")


def _read_body(payload: bytes) -> dict[str, Any]:
    try:
        body = exact_json.loads(payload)
    except MalformedJSON as error:
        raise faults.unsupported_property("body", f"should be JSON: {error}") from error
    if not isinstance(body, dict):
        raise faults.unsupported_property("body", "should be a JSON object")
    return body


def _json(body: bytes, *, status: int) -> Response:
    return Response(body, status, headers=tracing_headers(), media_type="application/json")
