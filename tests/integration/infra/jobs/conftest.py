from collections.abc import AsyncIterator

import pytest

from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.rig import Database


@pytest.fixture
async def uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work as the application's role; nobody is rung."""
    engine = create_engine(database.app_url, pool_size=6)
    yield unit_of_work_factory(engine)
    await engine.dispose()
