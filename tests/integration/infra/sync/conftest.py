from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.db.engine import create_engine
from tests.integration.infra.sync.bill_mirror import BillMirror
from tests.rig import Database


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """The application's own role."""
    engine = create_engine(database.app_url, pool_size=6)
    yield engine
    await engine.dispose()


@pytest.fixture
def mirror(engine: AsyncEngine) -> BillMirror:
    """The bills of a new business."""
    return BillMirror(engine)
