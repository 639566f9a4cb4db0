"""The simulator over HTTP: a Starlette application that speaks the QBO API, Intuit's OAuth2 and, apart, /admin."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.qbo.simulator.api.admin import admin_routes
from infra.qbo.simulator.api.admin_guard import AdminGuard
from infra.qbo.simulator.api.answers import page
from infra.qbo.simulator.api.company_endpoint import CompanyEndpoint
from infra.qbo.simulator.api.levers import lever_routes
from infra.qbo.simulator.api.oauth_pages import oauth_routes
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.layer import TroubleLayer


def create_app(simulator: Simulator) -> Starlette:
    endpoint = CompanyEndpoint(simulator)
    company = Route(
        "/v3/company/{realm_id}/{path:path}",
        endpoint.answer,
        methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    )
    routes = [company, *oauth_routes(simulator), *admin_routes(simulator), *lever_routes(simulator)]
    app = Starlette(routes=routes, exception_handlers={HTTPStatus.NOT_FOUND: _no_such_path})
    app.state.simulator = simulator
    app.add_middleware(TroubleLayer, simulator=simulator)
    app.add_middleware(AdminGuard, secret=simulator.admin_secret)
    return app


async def _no_such_path(_request: Request, _error: Exception) -> Response:
    return page(HTTPStatus.NOT_FOUND)
