"""The routes of the application as it runs, with what each declares to need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from benchmarks.proofs.tenancy.page_rights import CLIENT_PAGES
from benchmarks.proofs.tenancy.rights import DOORS, NEEDS


@dataclass(frozen=True)
class KnownRoute:
    """`need` is what the product declares: a permission, a door, or nothing, which is `open`."""

    method: str
    path: str
    need: str
    parameters: Mapping[str, Mapping[str, Any]]
    has_body: bool

    @property
    def is_page(self) -> bool:
        return not self.path.startswith("/api/")

    @property
    def is_of_client(self) -> bool:
        """A page of one business, which a person's session alone opens."""
        return self.path.startswith(CLIENT_PAGES)

    def asks_for(self) -> str:
        key = (self.method, self.path)
        return NEEDS.get(key) or DOORS.get(key) or self.need


def routes_of(app: FastAPI) -> list[KnownRoute]:
    document = app.openapi()["paths"]
    known = []
    for route in _walk(app.routes):
        for method in sorted(route.methods or ()):
            operation = document.get(route.path, {}).get(method.lower(), {})
            parameters = {
                one["name"]: _resolved(one.get("schema", {}), app)
                for one in operation.get("parameters", [])
                if one["in"] == "query"
            }
            has_body = method in {"POST", "PUT", "PATCH"}
            known.append(KnownRoute(method, route.path, _declared(route.dependant), parameters, has_body))
    return known


def _resolved(schema: Mapping[str, Any], app: FastAPI) -> Mapping[str, Any]:
    """An enum stands apart from the parameter that has it, alone or beside null."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            found: Mapping[str, Any] = app.openapi()["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            return found
    return schema


def _walk(routes: Sequence[Any]) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif (inner := getattr(route, "original_router", None)) is not None:
            found += _walk(inner.routes)
    return found


def _declared(dependant: Dependant) -> str:
    for kind in ("permission", "door"):
        own = getattr(dependant.call, kind, None)
        if own is not None:
            return str(own.value)
    return next((need for inner in dependant.dependencies if (need := _declared(inner)) != "open"), "open")


def is_known(route: KnownRoute) -> bool:
    """Whether the oracle has a word of its own of what it needs."""
    key = (route.method, route.path)
    return key in NEEDS or key in DOORS
