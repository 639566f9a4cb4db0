from collections.abc import AsyncIterator

import pytest

from infra.db.engine import create_engine
from tests.integration.infra.actions.bench import Bench
from tests.rig import Database


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    """A new business, its books in memory, and a worker."""
    engine = create_engine(database.app_url, pool_size=8)
    bench = Bench(engine, database)
    yield bench
    await bench.close()
    await engine.dispose()
