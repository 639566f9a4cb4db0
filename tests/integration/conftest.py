from collections.abc import AsyncIterator

import pytest

from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.rig import Database


@pytest.fixture
async def access_uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work on people and what lets them in."""
    engine = create_engine(database.access_url, pool_size=4)
    yield unit_of_work_factory(engine)
    await engine.dispose()


@pytest.fixture
async def jobs_uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work on the queue, and on which businesses are connected."""
    engine = create_engine(database.jobs_url, pool_size=6)
    yield unit_of_work_factory(engine)
    await engine.dispose()
