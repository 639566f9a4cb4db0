"""A simulator on a real port with a clock that stands still until it is moved, and a client that holds a token."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from infra import exact_json
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, make_file


class Rig:
    def __init__(self, simulator: Simulator, info: SimulatorInfo, http: httpx.AsyncClient) -> None:
        self.simulator, self.info, self.http = simulator, info, http
        self.headers = {"Authorization": f"Bearer {info.access_token}", "Accept": "application/json"}

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.http.get(f"/v3/company/{REALM}/{path}", params=params, headers=self.headers)

    async def post(self, path: str, body: Any, **params: str) -> httpx.Response:
        content = exact_json.dumps(body)
        headers = {**self.headers, "Content-Type": "application/json"}
        return await self.http.post(f"/v3/company/{REALM}/{path}", content=content, params=params, headers=headers)

    async def count(self, entity: str) -> int:
        found = await self.get("query", query=f"select count(*) from {entity}")  # noqa: S608 - QBO's query language
        return int(found.json()["QueryResponse"].get("totalCount", 0))

    async def refresh(self, token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        auth = (self.info.client_id, self.info.client_secret)
        return await self.http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth)

    async def trouble(self, effect: dict[str, Any], **match: Any) -> None:
        rule = {"effect": effect, "match": match}
        (await self.http.post("/admin/trouble", json=rule)).raise_for_status()

    async def calm(self) -> None:
        (await self.http.delete("/admin/trouble")).raise_for_status()

    async def advance(self, seconds: float) -> None:
        (await self.http.post("/admin/clock", json={"advance_seconds": seconds})).raise_for_status()

    async def oracle(self, **params: Any) -> dict[str, Any]:
        return dict((await self.http.get("/admin/oracle", params=params)).json())


def small_simulator(*, clock: SimulatedClock | None = None, **options: Any) -> Simulator:
    clock = clock or SimulatedClock(MovableClock())
    return Simulator([load_company(make_file(), clock=clock)], clock=clock, **{"limits": False, **options})


@asynccontextmanager
async def troubled(simulator: Simulator) -> AsyncIterator[Rig]:
    async with running_simulator(simulator) as info, httpx.AsyncClient(base_url=info.base_url, timeout=30) as http:
        yield Rig(simulator, info, http)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for work that goes on beside the test."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what is awaited has no event of its own
            await asyncio.sleep(0.005)
