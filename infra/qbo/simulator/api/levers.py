"""What a test may change about QBO itself, under /admin: its doubtful behaviour, a company's standing, merges."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra import exact_json
from infra.errors import MalformedJSON
from infra.qbo.simulator.behaviour import UnknownBehaviour
from infra.qbo.simulator.books.entities import find_kind
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.faults import COMPANY_REFUSALS, ServiceFault
from infra.qbo.simulator.oracle.journal import Merge
from infra.qbo.simulator.simulator import Simulator


def lever_routes(simulator: Simulator) -> list[BaseRoute]:
    levers = _Levers(simulator)
    return [
        Route("/admin/behaviour", levers.behaviour, methods=["GET"]),
        Route("/admin/behaviour", levers.behave, methods=["POST"]),
        Route("/admin/refusal/{realm_id}", levers.refuse, methods=["POST"]),
        Route("/admin/merge/{realm_id}", levers.merge, methods=["POST"]),
    ]


class _Levers:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def behaviour(self, _request: Request) -> Response:
        return _json(asdict(self._simulator.behaviour))

    async def behave(self, request: Request) -> Response:
        """`{"void_everything": true, …}`: the switches named change, the others stay."""
        try:
            self._simulator.behaviour = self._simulator.behaviour.changed(_read(await request.body()))
        except UnknownBehaviour as error:
            return _json({"error": str(error)}, status=400)
        return _json(asdict(self._simulator.behaviour))

    async def refuse(self, request: Request) -> Response:
        """`{"code": "6190"}`: every call for this company is refused so; `{}` ends it. Codes 100, 120, 130, 6190."""
        realm_id, code = request.path_params["realm_id"], _read(await request.body()).get("code")
        if realm_id not in self._simulator.companies or str(code) not in {*COMPANY_REFUSALS, "None"}:
            return _json({"error": "There is no such company or code."}, status=400)
        if code is None:
            self._simulator.refusals.pop(realm_id, None)
        else:
            self._simulator.refusals[realm_id] = str(code)
        return _json({"code": code})

    async def merge(self, request: Request) -> Response:
        """`{"entity": "Vendor", "from": "57", "into": "56"}`: as a user does it on QBO's screens."""
        company = self._simulator.companies.get(request.path_params["realm_id"])
        body = _read(await request.body())
        kind = find_kind(str(body.get("entity")))
        if company is None or kind is None:
            return _json({"error": "There is no such company or entity."}, status=400)
        try:
            survivor = merge(company, kind.name, loser_id=str(body.get("from")), survivor_id=str(body.get("into")))
        except ServiceFault as fault:
            return _json({"error": str(fault)}, status=400)
        told = Merge(kind.name, survivor_id=survivor.id, loser_id=str(body.get("from")))
        self._simulator.journal.commit(company, who="other user", merged=told)
        self._simulator.settle(company)
        return _json({kind.name: survivor.body})


def _read(payload: bytes) -> Mapping[str, Any]:
    try:
        body = exact_json.loads(payload) if payload else {}
    except MalformedJSON:
        return {}
    return body if isinstance(body, dict) else {}


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    return Response(exact_json.dumps(body), status, media_type="application/json")
