"""A simulator beside the test, in a thread of its own, for clients that block; and python-quickbooks aimed at it."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks

from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from tests.unit.infra.qbo.simulator.small_company import REALM, make_file

REDIRECT = "https://app.example.test/callback"


@pytest.fixture(scope="module")
def served() -> Iterator[SimulatorInfo]:
    with _simulator_in_a_thread() as info:
        yield info


@pytest.fixture
def aimed(served: SimulatorInfo, monkeypatch: pytest.MonkeyPatch) -> SimulatorInfo:
    """Both Python clients look for Intuit at the simulator; oauthlib is told that plain HTTP is meant."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{served.api_url}/v3")
    return served


@pytest.fixture
def auth(aimed: SimulatorInfo) -> Any:
    return AuthClient(aimed.client_id, aimed.client_secret, REDIRECT, environment=aimed.discovery_url)


@pytest.fixture
def qb(aimed: SimulatorInfo, auth: Any) -> Any:
    auth.access_token, auth.refresh_token = aimed.access_token, aimed.refresh_token
    return QuickBooks(auth_client=auth, refresh_token=aimed.refresh_token, company_id=REALM, minorversion=75)


@contextmanager
def _simulator_in_a_thread() -> Iterator[SimulatorInfo]:
    started: Future[tuple[SimulatorInfo, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        clock = SimulatedClock()
        simulator = Simulator([load_company(make_file(), clock=clock)], clock=clock, limits=False)
        stop = asyncio.Event()
        async with running_simulator(simulator) as info:
            started.set_result((info, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    info, loop, stop = started.result(timeout=30)
    try:
        yield info
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)
