import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from infra.embedded.valkey import EmbeddedValkey


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="oodaloo-limits-"))
    with EmbeddedValkey(home) as valkey:
        yield f"unix://{valkey.socket_path}"
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey_url) as client:
        yield client
