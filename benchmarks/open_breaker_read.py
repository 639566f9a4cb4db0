"""Reads of a mirror that should be refreshed while QuickBooks hangs: before the circuit is open each waits its two seconds, then none.

The whole application but the socket. Every read wants books of this very moment, so that each would wait if it could; the probes
of the open circuit are among them.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from benchmarks.backfill import child_environment, company_file, running_simulator_process
from benchmarks.backfill_child import connect
from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from infra.logging import configure_logging
from infra.qbo.errors import QBOError
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from runway.app import create_app
from runway.services import Services
from runway.settings import Settings
from runway.sign_in import issue_token

_SIZE = LargeCompany(bills=600, invoices=400, vendors=40, customers=40, paid_share=0.3)
_BUDGET_MS, _SLACK_MS, _BAR_MS = 2000, 400, 300
_WAITING_READS = 5
# Some 25 reads a second: how long one takes, not how many there can be.
_CLIENTS, _PAUSE_SECONDS, _SECONDS = 3, 0.1, 15.0
_HASTY = Patience(budget=timedelta(seconds=1.5), wait_for_limit=timedelta(seconds=1.5), retry_waits=())


async def run() -> Sequence[Measure]:
    with (
        open_rig() as rig,
        running_simulator_process(rig.home, company_file(rig.home, _SIZE), latency_ms=0) as info,
    ):
        os.environ.update(child_environment(rig, info))
        os.environ["OODALOO_ADDRESS_PER_MINUTE"] = os.environ["OODALOO_CREDENTIAL_PER_MINUTE"] = "100000000"
        os.environ["OODALOO_LOG_LEVEL"] = "ERROR"
        return await _measured(rig, dict(info))


async def _measured(rig: Rig, info: dict[str, Any]) -> Sequence[Measure]:
    settings = Settings.from_environment()
    app = create_app(settings, rig.addresses)
    configure_logging(level="ERROR")
    async with app.router.lifespan_context(app):
        services: Services = app.state.services
        business = await connect(services, info)
        await services.of(business).sync.backfill(actor="benchmark")
        issued = await issue_token(services.access_uow, "Benchmark", name="bench", lifetime=timedelta(days=1))
        assert issued.business_id == business.id
        headers = {"Authorization": f"Bearer {issued.token}"}
        base_url = str(settings.web.public_url).rstrip("/")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url, headers=headers) as http:
            await _read(http)
            rule = {"effect": {"do": "silence"}}
            async with httpx.AsyncClient() as admin:
                (await admin.post(f"{info['base_url']}/admin/trouble", json=rule)).raise_for_status()
            waiting = [await _read(http) for _ in range(_WAITING_READS)]
            await _open_circuit(services, business.id)
            at_once = await _load(http)
    return (
        at_most("open breaker: the slowest read before it opens", max(waiting), "ms", bar=_BUDGET_MS + _SLACK_MS),
        reported("open breaker: reads", len(at_once), "requests"),
        reported("open breaker: half of the reads", at_once[len(at_once) // 2], "ms"),
        at_most("open breaker: 99 of 100 reads", at_once[len(at_once) * 99 // 100], "ms", bar=_BAR_MS),
        at_most("open breaker: the slowest read, a probe", at_once[-1], "ms", bar=_BUDGET_MS + _SLACK_MS),
    )


async def _read(http: httpx.AsyncClient) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    answer = await http.get("/api/v1/bills", params={"limit": 50, "max_age": "0"})
    assert answer.status_code == httpx.codes.OK, answer.text
    return (time.perf_counter() - began) * 1000


async def _open_circuit(services: Services, business_id: UUID) -> None:
    """What the jobs of other minutes would have met."""
    rail = services.qbo_rail
    client = await rail.client(business_id, Lane.USER, _HASTY)

    async def ask() -> None:
        try:
            await client.count("Bill")
        except QBOError:
            return

    while not rail.rest_seconds(business_id):
        await asyncio.gather(*(ask() for _ in range(5)))


async def _load(http: httpx.AsyncClient) -> list[float]:
    until = time.monotonic() + _SECONDS

    async def client() -> list[float]:
        times = []
        while time.monotonic() < until:
            times.append(await _read(http))
            await asyncio.sleep(_PAUSE_SECONDS)
        return times

    return sorted(one for times in await asyncio.gather(*(client() for _ in range(_CLIENTS))) for one in times)
