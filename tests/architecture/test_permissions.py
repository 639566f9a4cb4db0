"""Every route says what it needs, and the guide shows the table that decides."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from domains.core.permissions import MAY, Permission, Role
from runway.routes import ROUTERS
from runway.routes.doors import Door
from runway.web import ROUTERS as WEB

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "roles.md"

# What answers without a permission, each with its reason. A route that is neither here nor guarded fails.
OPEN = {
    "/docs": "documentation",
    "/openapi.json": "documentation",
    "/healthz": "asked by load balancers",
    "/readyz": "asked by load balancers; it names parts and no business",
    "/api/v1/qbo/callback": "guarded by its single-use state",
    "/api/v1/webhooks/qbo": "guarded by Intuit's signature of the body",
    "/static/{version}/{name:path}": "the pages' looks",
    "/sign-in": "where a session begins; guesses are limited",
    "/sign-in/second-factor": "guarded by its pending session, which opens nothing else; guesses are limited",
    "/forgot-password": "for those who cannot sign in; the answer tells nothing",
    "/reset-password/{token}": "guarded by its single-use link",
    "/invitations/{token}": "guarded by its single-use link",
}
# What is of no one business, and so of no permission in one: the kind of door that each route has instead.
DOORS = {
    ("GET", "/api/v1/businesses"): Door.RECOGNISED,
    ("POST", "/api/v1/businesses"): Door.FIRM_ADMIN,
    ("GET", "/api/v1/me"): Door.RECOGNISED,
    ("GET", "/api/v1/firm/tray"): Door.RECOGNISED,
    ("GET", "/api/v1/portfolio"): Door.RECOGNISED,
    ("POST", "/api/v1/digest/send-all"): Door.FIRM_ADMIN,
    ("GET", "/api/v1/digest/sends/{ask_id}"): Door.RECOGNISED,
    ("GET", "/metrics"): Door.METRICS,
    ("GET", "/admin/health"): Door.FIRM_ADMIN,
    ("GET", "/api/v1/admin/health"): Door.FIRM_ADMIN,
    ("GET", "/sign-in/again"): Door.SIGNED_IN,
    ("POST", "/sign-in/again"): Door.SIGNED_IN,
    ("POST", "/sign-out"): Door.SIGNED_IN,
    ("GET", "/account"): Door.SIGNED_IN,
    ("GET", "/tray"): Door.SIGNED_IN,
    ("GET", "/"): Door.SIGNED_IN,
    ("POST", "/account/theme"): Door.SIGNED_IN,
    ("GET", "/firm"): Door.SIGNED_IN,
    ("POST", "/firm/businesses"): Door.FIRM_ADMIN,
    ("GET", "/tour/{number}"): Door.SIGNED_IN,
    ("POST", "/tour/end"): Door.SIGNED_IN,
    ("GET", "/account/password"): Door.SIGNED_IN,
    ("POST", "/account/password"): Door.SIGNED_IN,
    ("POST", "/account/sessions/{session_id}/end"): Door.SIGNED_IN,
    ("POST", "/account/sign-out-everywhere"): Door.SIGNED_IN,
    ("GET", "/account/second-factor"): Door.SIGNED_IN,
    ("POST", "/account/second-factor/begin"): Door.SIGNED_IN,
    ("POST", "/account/second-factor/confirm"): Door.SIGNED_IN,
    ("POST", "/account/second-factor/recovery-codes"): Door.SIGNED_IN,
    ("POST", "/account/second-factor/remove"): Door.SIGNED_IN,
}
ROUTES = [route for router in (*ROUTERS, *WEB) for route in router.routes if isinstance(route, APIRoute)]


def declared(dependant: Dependant, kind: str) -> set[Any]:
    """What the route's dependencies declare under that name: `permission` or `door`."""
    own = getattr(dependant.call, kind, None)
    found = set() if own is None else {own}
    return found.union(*(declared(inner, kind) for inner in dependant.dependencies))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_every_route_needs_one_permission_or_has_its_door_or_is_open_for_a_reason(route: APIRoute) -> None:
    permissions, doors = declared(route.dependant, "permission"), declared(route.dependant, "door")
    expected = {DOORS[method, route.path] for method in route.methods or () if (method, route.path) in DOORS}
    assert doors == expected
    assert len(permissions | doors) == (0 if route.path in OPEN else 1)


def test_nothing_is_open_that_is_not_there() -> None:
    assert set(OPEN) <= {route.path for route in ROUTES}
    assert set(DOORS) <= {(method, route.path) for route in ROUTES for method in route.methods or ()}


def test_the_guide_shows_the_table_that_decides() -> None:
    rows: dict[str, Any] = {}
    for line in GUIDE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = [cell == "yes" for cell in cells[2:]]
        elif line.startswith("| permission"):
            assert cells[2:] == [role.value for role in Role]
    assert rows == {permission.value: [permission in MAY[role] for role in Role] for permission in Permission}
