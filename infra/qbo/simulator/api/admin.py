"""The oracle and the levers of tests, under /admin without a token: no part of QBO."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra import exact_json
from infra.errors import MalformedJSON
from infra.qbo.simulator.api.admin_controls import control_routes
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import find_kind
from infra.qbo.simulator.simulator import Simulator

_SHOWN: Final = 100
_FILTERS: Final = {
    "realm": "realm_id", "entity": "entity", "requestid": "request_id", "who": "who", "verb": "verb",
    "operation": "operation", "status": "status",
}  # fmt: skip


def admin_routes(simulator: Simulator) -> list[BaseRoute]:
    admin = _Admin(simulator)
    return [
        Route("/admin/oracle", admin.oracle, methods=["GET"]),
        Route("/admin/objects/{realm_id}/{entity}", admin.objects, methods=["GET"]),
        Route("/admin/edit-per-page", admin.edit_per_page, methods=["POST"]),
        Route("/admin/expire-tokens", admin.expire_tokens, methods=["POST"]),
        *control_routes(simulator),
    ]


class _Admin:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def oracle(self, request: Request) -> Response:
        """What is true: requests served, objects held, and the trial balance (debit positive) of each realm.

        `realm`, `entity`, `requestid`, `who`, `verb`, `operation`, `status` and `since` (an `nth`) choose among the
        requests, commits and notifications; `limit` is how many of each are shown, 100 unless told, 0 for none.
        """
        simulator = self._simulator
        realms = {
            realm_id: {"requests": dict(simulator.requests[realm_id]), **_describe(company)}
            for realm_id, company in simulator.companies.items()
            if request.query_params.get("realm") in {None, realm_id}
        }
        oracle, options = simulator.oracle, dict(request.query_params)
        limit = int(options["limit"]) if options.get("limit", "").isdecimal() else _SHOWN
        return _json(
            {
                "now": simulator.clock.now().isoformat(),
                "realms": realms,
                "edits": simulator.other_users.edit_count,
                "totals": dict(oracle.totals),
                "density": oracle.density(),
                **oracle.lists(matches=partial(_matches, options), limit=limit),
            }
        )

    async def objects(self, request: Request) -> Response:
        """Every object of an entity, inactive ones too, by Id: not counted, not limited, not edited."""
        company = self._simulator.companies.get(request.path_params["realm_id"])
        kind = find_kind(request.path_params["entity"])
        if company is None or kind is None:
            return Response(status_code=404)
        order = company.stores[kind.name].by_number()
        return Response(b"[" + b",".join(record.encoded() for _, record in order) + b"]", media_type="application/json")

    async def edit_per_page(self, request: Request) -> Response:
        """`{"enabled": true, "seed": 7}`: the seed is optional and restarts the choice of objects."""
        body = _read(await request.body())
        other_users = self._simulator.other_users
        if "seed" in body:
            other_users.reseed(int(body["seed"]))
        other_users.edits_per_page = bool(body.get("enabled", True))
        return _json({"enabled": other_users.edits_per_page})

    async def expire_tokens(self, _request: Request) -> Response:
        return _json({"expired": self._simulator.oauth.expire_access_tokens()})


def _matches(options: Mapping[str, str], entry: Mapping[str, Any]) -> bool:
    """A list without the property has no entry that fits; the order of `nth` is that of all three lists."""
    since = options.get("since", "")
    if since.isdecimal() and entry["nth"] <= int(since):
        return False
    return all(str(entry.get(name)) == options[option] for option, name in _FILTERS.items() if option in options)


def _describe(company: Company) -> dict[str, Any]:
    return {
        "name": company.name,
        "entities": {entity: len(store.records) for entity, store in company.stores.items()},
        "deleted": {entity: len(store.tombstones) for entity, store in company.stores.items() if store.tombstones},
        "trial_balance": company.ledger.trial_balance(),
    }


def _read(payload: bytes) -> Mapping[str, Any]:
    try:
        body = exact_json.loads(payload) if payload else {}
    except MalformedJSON:
        return {}
    return body if isinstance(body, dict) else {}


def _json(body: dict[str, Any]) -> Response:
    return Response(exact_json.dumps(body), media_type="application/json")
