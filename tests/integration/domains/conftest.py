from collections.abc import AsyncIterator

import pytest

from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.integration.domains.books import Books
from tests.rig import Database


@pytest.fixture
async def uow(database: Database) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work as the application's role."""
    engine = create_engine(database.app_url, pool_size=4)
    yield unit_of_work_factory(engine)
    await engine.dispose()


@pytest.fixture
async def reads(database: Database) -> AsyncIterator[Reads]:
    opened = Reads(database.app_url, pool_size=2)
    yield opened
    await opened.close()


@pytest.fixture
async def books(uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, reads: Reads) -> Books:
    """A new business with empty, fresh mirrors."""
    return await Books.open(uow, access_uow, reads)
