from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from benchmarks.chromium import NO_BROWSER, find_chromium, running_chromium
from infra.clock import SystemClock
from infra.qbo.simulator.files.generator import demo_company
from infra.qbo.simulator.timestamps import PACIFIC
from tests.browser.site import Site, open_site
from tests.e2e.conftest import module_redis_url
from tests.rig import Database, RunServers, create_worker_database

__all__ = ["module_redis_url"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for a module's tests; each test has a profile of its own."""
    path = find_chromium()
    if path is None:
        pytest.skip(NO_BROWSER)
    async with running_chromium(path) as browser:
        yield browser


@pytest.fixture(scope="module")
def site_database(servers: RunServers, worker_id: str) -> Database:
    """A database that no other test has used: the site's worker takes up every job that lies there."""
    return create_worker_database(servers, f"oodaloo_{worker_id}_site")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    chromium: Browser,  # noqa: ARG001 - no site is opened for nobody
    site_database: Database,
    module_redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """The demo company, connected to nobody yet."""
    today = SystemClock().now().astimezone(PACIFIC).date()
    home = tmp_path_factory.mktemp("site")
    async with open_site(site_database, module_redis_url, home=home, files=[demo_company(today)]) as opened:
        yield opened
