from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.db.engine import create_engine
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.integration.infra.qbo.company_rig import Mirrored, MovedClock, mirrored_company
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


@pytest.fixture
async def mirrored(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    """A small company, backfilled just now."""
    clock = MovedClock()
    size = LargeCompany(bills=12, invoices=6, vendors=5, customers=5, months=1, paid_share=0.3)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        yield mirrored
