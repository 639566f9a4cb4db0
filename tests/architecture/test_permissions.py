"""Every route says what it needs, and the guide shows the table that decides."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from domains.core.permissions import MAY, Permission, Role
from runway.routes import ROUTERS

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "roles.md"

# What answers without a permission, each with its reason. A route that is neither here nor guarded fails.
OPEN = {
    "/": "leads to the API page",
    "/docs": "documentation",
    "/openapi.json": "documentation",
    "/healthz": "asked by load balancers",
    "/api/v1/qbo/callback": "guarded by its single-use state",
}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def needed(dependant: Dependant) -> set[Permission]:
    own: Permission | None = getattr(dependant.call, "permission", None)
    found = set() if own is None else {own}
    return found.union(*(needed(inner) for inner in dependant.dependencies))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_every_route_needs_one_permission_or_is_open_for_a_reason(route: APIRoute) -> None:
    assert (len(needed(route.dependant)) == 1) is (route.path not in OPEN)


def test_nothing_is_open_that_is_not_there() -> None:
    assert set(OPEN) <= {route.path for route in ROUTES}


def test_the_guide_shows_the_table_that_decides() -> None:
    rows: dict[str, Any] = {}
    for line in GUIDE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = [cell == "yes" for cell in cells[2:]]
        elif line.startswith("| permission"):
            assert cells[2:] == [role.value for role in Role]
    assert rows == {permission.value: [permission in MAY[role] for role in Role] for permission in Permission}
