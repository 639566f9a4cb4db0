"""A simulator on a real port, its clock, and an HTTP client that holds a valid token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from infra import exact_json
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, make_file


class SimulatorClient:
    def __init__(self, simulator: Simulator, clock: MovableClock, info: SimulatorInfo, http: httpx.AsyncClient) -> None:
        self.simulator, self.clock, self.info, self.http = simulator, clock, info, http
        self.accept = "application/json"

    @property
    def company(self) -> Any:
        return self.simulator.companies[REALM]

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **params: str
    ) -> httpx.Response:
        content = body if body is None or isinstance(body, str | bytes) else exact_json.dumps(body)
        sent = {"Authorization": f"Bearer {self.info.access_token}", "Accept": self.accept, **(headers or {})}
        if not isinstance(body, str | bytes | None):
            sent.setdefault("Content-Type", "application/json")
        return await self.http.request(
            method, f"/v3/company/{REALM}/{path}", content=content, params=params, headers=sent
        )

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.call("GET", path, headers=None, **params)

    async def post(self, path: str, body: Any = None, **params: str) -> httpx.Response:
        return await self.call("POST", path, body, headers=None, **params)

    async def make(self, entity: str, body: Any) -> dict[str, Any]:
        """The created object; entity in QBO's spelling."""
        answer = await self.post(entity.lower(), body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = exact_json.loads(answer.content)[entity]
        return made

    async def behave(self, **switches: Any) -> None:
        assert (await self.http.post("/admin/behaviour", json=switches)).status_code == 200


@asynccontextmanager
async def simulator_client(**options: Any) -> AsyncIterator[SimulatorClient]:
    clock = MovableClock()
    simulator = Simulator([load_company(make_file(), clock=clock)], clock=clock, **{"limits": False, **options})
    async with running_simulator(simulator) as info, httpx.AsyncClient(base_url=info.base_url, timeout=30) as http:
        yield SimulatorClient(simulator, clock, info, http)


def code_of(answer: httpx.Response) -> str:
    """The fault's code in either spelling."""
    body = answer.json()
    fault = body.get("Fault") or body["fault"]
    return str((fault.get("Error") or fault["error"])[0]["code"])
