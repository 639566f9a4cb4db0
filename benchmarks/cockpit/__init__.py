"""The cockpit of a large company, and every swap of the pages in a browser: how much goes over the wire, how long it takes.

The company is the dashboard's: three years of 50,000 bills and 50,000 invoices. No worker works, so that nothing else is measured and
what was asked for stays as it is.
"""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser
from rich.progress import Progress

from benchmarks.backfill import child_environment, company_file, running_simulator_process
from benchmarks.backfill_child import connect
from benchmarks.chromium import NO_BROWSER, find_chromium, running_chromium
from benchmarks.cockpit.desk import Desk, Timed, by_name, free_port, open_desk, owner_of, serving
from benchmarks.cockpit.playing import Place, play
from benchmarks.cockpit.preparing import prepare
from benchmarks.cockpit.swaps import FORECAST_AFTER, SCENES
from benchmarks.dashboard import SIZE
from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from domains.core.models import Business
from infra.logging import configure_logging
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.app import create_app
from runway.routes.request_proofs import PLAIN_SESSION_COOKIE
from runway.services import Services
from runway.settings import Settings

_READS, _ROUNDS = 400, 20
_WIRE_BYTES, _COCKPIT_MS, _SWAP_MS = 150_000, 300, 100


async def run(size: LargeCompany = SIZE, *, reads: int = _READS, rounds: int = _ROUNDS) -> Sequence[Measure]:
    with (
        open_rig() as rig,
        running_simulator_process(rig.home, company_file(rig.home, size), latency_ms=0) as info,
    ):
        os.environ.update(child_environment(rig, info))
        for limit in ("ADDRESS", "CREDENTIAL", "MONEY"):
            os.environ[f"OODALOO_{limit}_PER_MINUTE"] = "100000000"
        os.environ["OODALOO_LOG_LEVEL"] = "ERROR"
        os.environ["OODALOO_PUBLIC_URL"] = f"http://127.0.0.1:{free_port()}"
        os.environ["OODALOO_UNDO_WINDOW"] = "60"
        return await _measured(rig, dict(info), reads=reads, rounds=rounds)


async def _measured(rig: Rig, info: dict[str, Any], *, reads: int, rounds: int) -> Sequence[Measure]:
    settings = Settings.from_environment()
    url = str(settings.web.public_url).rstrip("/")
    app = create_app(settings, rig.addresses)
    timed = Timed(app)
    configure_logging(level="ERROR")
    async with app.router.lifespan_context(app), serving(timed, int(url.rpartition(":")[2])):
        services: Services = app.state.services
        business, unread = await _businesses(services, info)
        session = await owner_of(services, [business.id, unread.id])
        async with open_desk(url, session, app=app) as desk:
            page = f"/c/{business.id}"
            await desk.get(page)
            await services.forecasts.settled()  # written after whoever asked has it
            cockpit = sorted([await _read(desk, page) for _ in range(reads)])
        measures = [
            reported("cockpit: half of the reads", round(cockpit[reads // 2], 1), "ms"),
            at_most("cockpit: 99 of 100 reads", round(cockpit[reads * 99 // 100], 1), "ms", bar=_COCKPIT_MS),
        ]
        chromium = find_chromium()
        if chromium is None:
            return [*measures, reported(NO_BROWSER, 0, "swaps")]
        async with open_desk(url, session) as desk, running_chromium(chromium) as browser:
            measures.append(
                at_most("cockpit: over the wire", await _weight(browser, url, session, page), "bytes", bar=_WIRE_BYTES)
            )
            place = await prepare(services, desk, business, unread, rounds=rounds)
            return measures + await _swaps(browser, url, session, timed, place, rounds=rounds)


async def _businesses(services: Services, info: dict[str, Any]) -> tuple[Business, Business]:
    """One whose books are read; one that is connected, and whose first reading no worker takes up."""
    business = await connect(services, info)
    await services.of(business).sync.backfill(actor="benchmark")
    unread = await connect(services, info | {"realm_ids": [f"{info['realm_ids'][0]}0"]})
    return business, unread


async def _read(desk: Desk, path: str) -> float:
    began = time.perf_counter()
    await desk.get(path)
    return (time.perf_counter() - began) * 1000


async def _weight(browser: Browser, url: str, session: str, path: str) -> int:
    """Bytes of all that a first visit fetches, headers included, as they go over the wire."""
    sizes: list[int] = []
    context = await browser.new_context(base_url=url)
    await context.add_cookies([{"name": PLAIN_SESSION_COOKIE, "value": session, "url": url}])
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    await page.goto(path, wait_until="networkidle")
    await context.close()
    return sum(sizes)


async def _swaps(browser: Browser, url: str, session: str, timed: Timed, place: Place, *, rounds: int) -> list[Measure]:
    context = await browser.new_context(base_url=url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(timedelta(minutes=2).total_seconds() * 1000)
    await context.add_cookies([{"name": PLAIN_SESSION_COOKIE, "value": session, "url": url}])
    page = await context.new_page()
    settled: dict[str, list[float]] = defaultdict(list)
    with Progress() as progress:
        for scene in progress.track(SCENES, description="Swaps"):
            for name, taken in (await play(page, scene, place, rounds=rounds)).items():
                settled[name] += taken
    await context.close()
    answered, worked = by_name(timed.spent), by_name(timed.worked)
    measures = [
        measure
        for name in settled
        for measure in (
            reported(f"{name}: answered, slowest", round(max(answered[name]), 1), "ms"),
            reported(f"{name}: answered, half, processor", _half(worked[name]), "ms"),
            reported(f"{name}: settled, half", _half(settled[name]), "ms"),
            at_most(f"{name}: settled, slowest", round(max(settled[name]), 1), "ms", bar=_SWAP_MS),
        )
    ]
    if after := answered[FORECAST_AFTER]:
        measures.append(reported(f"{FORECAST_AFTER}: answered, half", _half(after), "ms"))
        measures.append(reported(f"{FORECAST_AFTER}: answered, slowest", round(max(after), 1), "ms"))
    return measures


def _half(taken: Sequence[float]) -> float:
    return round(sorted(taken)[len(taken) // 2], 1)
