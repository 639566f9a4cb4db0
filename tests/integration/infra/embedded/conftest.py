import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.config import ServerSettings
from infra.embedded.servers import ServerAddresses, servers
from tests.integration.infra.embedded.processes import processes_of


@pytest.fixture
def home() -> Iterator[Path]:
    """Not in pytest's own directory: another run closes that to others, and as root the servers are others."""
    with _new_home() as path:
        yield path


@pytest.fixture(scope="module")
def shared() -> Iterator[ServerAddresses]:
    """Servers of a home of their own, for tests that leave nothing others would notice."""
    with _new_home() as path, servers(ServerSettings(home=path, database_url=None, redis_url=None)) as addresses:
        yield addresses


@contextmanager
def _new_home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="oodaloo-home-")).resolve()
    try:
        yield path
    finally:
        for process in processes_of(path):
            process.kill()
        shutil.rmtree(path)
