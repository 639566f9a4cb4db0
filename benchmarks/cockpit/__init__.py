"""The cockpit of a large company, and every swap of the pages in a browser: how much goes over the wire, how long it takes.

The large company is the dashboard's: three years of 50,000 bills and 50,000 invoices. Swaps have their bar on one as most are. No worker
works, so that nothing else is measured and what was asked for stays as it is.
"""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from fastapi import FastAPI
from playwright.async_api import Browser
from rich.progress import Progress

from benchmarks.backfill import child_environment, company_file, running_simulator_process
from benchmarks.backfill_child import connect
from benchmarks.chromium import NO_BROWSER, find_chromium, running_chromium
from benchmarks.cockpit.desk import Desk, Timed, by_name, free_port, open_desk, owner_of, serving
from benchmarks.cockpit.playing import Place, Played, play
from benchmarks.cockpit.preparing import prepare
from benchmarks.cockpit.swaps import FORECAST_AFTER, SCENES
from benchmarks.dashboard import SIZE
from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import open_rig, plain_url
from domains.core.models import Business
from infra.logging import configure_logging
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.app import create_app
from runway.routes.request_proofs import PLAIN_SESSION_COOKIE
from runway.services import Services
from runway.settings import Settings

ORDINARY = LargeCompany(bills=3_000, invoices=3_000, vendors=120, customers=150, months=36)
"""About twenty bills and twenty invoices a week, for three years."""

_READS, _ROUNDS = 400, 20
_WIRE_BYTES, _COCKPIT_MS, _SWAP_MS, _HALF_MS = 150_000, 300, 100, 250


async def run(size: LargeCompany = SIZE, *, reads: int = _READS, rounds: int = _ROUNDS) -> Sequence[Measure]:
    """A large company's cockpit; of its swaps it is told how long they take."""
    async with _open_office(size) as office:
        async with open_desk(office.url, office.session, app=office.app) as desk:
            await desk.get(office.page)
            await office.services.forecasts.settled()  # written after whoever asked has it
            cockpit = sorted([await _read(desk, office.page) for _ in range(reads)])
        measures = [
            reported("cockpit: half of the reads", round(cockpit[reads // 2], 1), "ms"),
            at_most("cockpit: 99 of 100 reads", round(cockpit[reads * 99 // 100], 1), "ms", bar=_COCKPIT_MS),
        ]
        chromium = find_chromium()
        if chromium is None:
            return [*measures, reported(NO_BROWSER, 0, "swaps")]
        async with running_chromium(chromium) as browser:
            weight = await _weight(browser, office.url, office.session, office.page)
            measures.append(at_most("cockpit: over the wire", weight, "bytes", bar=_WIRE_BYTES))
            return measures + await _swaps(browser, office, rounds=rounds, bar=None)


async def run_swaps(size: LargeCompany = ORDINARY, *, rounds: int = _ROUNDS) -> Sequence[Measure]:
    """The swaps of a company as most are."""
    chromium = find_chromium()
    if chromium is None:
        return [reported(NO_BROWSER, 0, "swaps")]
    async with _open_office(size) as office, running_chromium(chromium) as browser:
        return await _swaps(browser, office, rounds=rounds, bar=_SWAP_MS)


@dataclass(frozen=True)
class _Office:
    """A company that is served, and its owner's session; `unread` is another one, whose first reading no worker takes up."""

    app: FastAPI
    timed: Timed
    url: str
    services: Services
    business: Business
    unread: Business
    session: str

    @property
    def page(self) -> str:
        return f"/c/{self.business.id}"


@asynccontextmanager
async def _open_office(size: LargeCompany) -> AsyncIterator[_Office]:
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
        settings = Settings.from_environment()
        url = str(settings.web.public_url).rstrip("/")
        app = create_app(settings, rig.addresses)
        timed = Timed(app)
        configure_logging(level="ERROR")
        async with app.router.lifespan_context(app), serving(timed, int(url.rpartition(":")[2])):
            services: Services = app.state.services
            business, unread = await _businesses(services, dict(info))
            with psycopg.connect(plain_url(rig.addresses.database_owner_url), autocommit=True) as owner:
                owner.execute("ANALYZE")  # as the server does by itself within a minute
            session = await owner_of(services, [business.id, unread.id])
            yield _Office(app, timed, url, services, business, unread, session)


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


async def _swaps(browser: Browser, office: _Office, *, rounds: int, bar: float | None) -> list[Measure]:
    async with open_desk(office.url, office.session) as desk:
        place = await prepare(office.services, desk, office.business, office.unread, rounds=rounds)
    played = await _played(browser, office, place, rounds=rounds)
    settled = played.settled
    answered, worked = by_name(office.timed.spent), by_name(office.timed.worked)
    measures = []
    for name, taken in settled.items():
        slowest, told = round(max(taken), 1), f"{name}: settled, slowest"
        measures += [
            reported(f"{name}: answered, slowest", round(max(answered[name]), 1), "ms"),
            reported(f"{name}: answered, half, processor", _half(worked[name]), "ms"),
            at_most(f"{name}: settled, half", _half(taken), "ms", bar=_HALF_MS),
            reported(told, slowest, "ms") if bar is None else at_most(told, slowest, "ms", bar=bar),
        ]
        if whole := played.with_below.get(name):
            measures.append(reported(f"{name}: with the rows below, half", _half(whole), "ms"))
            measures.append(reported(f"{name}: with the rows below, slowest", round(max(whole), 1), "ms"))
    quick = sum(max(taken) <= _SWAP_MS for taken in settled.values())
    measures.append(reported(f"swaps whose slowest is within {_SWAP_MS} ms", quick, "swaps", baseline=len(settled)))
    if after := answered[FORECAST_AFTER]:
        measures.append(reported(f"{FORECAST_AFTER}: answered, half", _half(after), "ms"))
        measures.append(reported(f"{FORECAST_AFTER}: answered, slowest", round(max(after), 1), "ms"))
    return measures


async def _played(browser: Browser, office: _Office, place: Place, *, rounds: int) -> Played:
    context = await browser.new_context(base_url=office.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(timedelta(minutes=2).total_seconds() * 1000)
    await context.add_cookies([{"name": PLAIN_SESSION_COOKIE, "value": office.session, "url": office.url}])
    page = await context.new_page()
    played = Played()
    with Progress() as progress:
        for scene in progress.track(SCENES, description="Swaps"):
            await play(page, scene, place, played, rounds=rounds)
    await context.close()
    return played


def _half(taken: Sequence[float]) -> float:
    return round(sorted(taken)[len(taken) // 2], 1)
