"""The index finds the route that the router would find, and leaves to the router what nobody serves."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute, Match, Route

from infra.embedded.servers import ServerAddresses
from runway.app import create_app
from runway.routes.route_index import RouteIndex
from tests.e2e.rest import settings_for

NOWHERE = "postgresql://nowhere/none"
FILLINGS = ("0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11", "payables", "{}")
METHODS = ("GET", "POST", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[BaseRoute]:
    home: Path = tmp_path_factory.mktemp("home")
    app = create_app(settings_for(home, None), ServerAddresses(NOWHERE, NOWHERE, NOWHERE))
    index, *others = app.router.routes
    assert isinstance(index, RouteIndex)
    return others


def scope_of(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


def found_by_router(routes: list[BaseRoute], scope: dict[str, Any]) -> Mapping[str, Any] | None:
    every = (route.matches(scope) for route in routes)
    return next((found for match, found in every if match is Match.FULL), None)


def found_by(index: RouteIndex, scope: dict[str, Any]) -> dict[str, Any] | None:
    match, found = index.matches(scope)
    return {name: value for name, value in found.items() if name != "oodaloo.route"} if match is Match.FULL else None


def test_every_path_and_method_leads_where_the_router_leads(routes: list[BaseRoute]) -> None:
    index, served = RouteIndex(routes), 0
    for route in (one for one in routes if isinstance(one, Route)):
        for filling in FILLINGS:
            path = re.sub(r"{\w+(:path)?}", filling, route.path)
            for scope in (scope_of(method, path) for method in METHODS):
                found = found_by_router(routes, scope)
                assert found_by(index, scope) == found, (scope, route)
                served += found is not None
    assert served > len(routes)


OTHERS = [
    "/",
    "//",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v1/nothing",
    "/api/v1/bills/",
    "/api//bills",
    "/c",
    "bills",
    "/c/x/nothing",
    "/static/1/a/b.css",
    "/API/V1/BILLS",
    "/api/v2/bills",
    "/api/v1/bills/1/2/3/4",
    "/{x}/y/{z}",
    "/c/x/{}",
    "/{}/x/{}",
    "/static/{}/{}",
    "/api/v1/{}",
]


@pytest.mark.parametrize("path", ["", *OTHERS])
def test_any_other_path_is_found_as_by_the_router(routes: list[BaseRoute], path: str) -> None:
    for scope in (scope_of(method, path) for method in METHODS):
        assert found_by(RouteIndex(routes), scope) == found_by_router(routes, scope)


def test_what_is_no_request_is_left_to_the_router(routes: list[BaseRoute]) -> None:
    assert RouteIndex(routes).matches({"type": "websocket", "path": "/api/v1/bills"}) == (Match.NONE, {})
