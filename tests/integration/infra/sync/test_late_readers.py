"""A reader who looked before another process's refresh ended, and comes to refresh after it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from infra.db.unit_of_work import UnitOfWork
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.sync.freshness import SyncStrategy
from tests.integration.infra.qbo.company_rig import MovedClock, mirrored_company
from tests.rig import Database


async def test_what_another_process_did_in_between_is_not_done_again(database: Database, redis_url: str) -> None:
    clock = MovedClock()
    size = LargeCompany(bills=5, invoices=5, vendors=2, customers=2, months=1)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        clock.ahead += timedelta(hours=1)
        before, looks = mirrored.calls, 0

        @asynccontextmanager
        async def another_after_the_first_look(ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
            nonlocal looks
            looks += 1
            is_first = looks == 1
            async with mirrored.uow(ids) as unit:
                yield unit
            if is_first:
                await mirrored.service.bring_up_to_date(SyncStrategy.SCHEDULED)

        fetched = await mirrored.service_with(uow=another_after_the_first_look).get_bills()
        assert mirrored.calls - before == 1
        assert not fetched.freshness.stale
        assert fetched.freshness.calls_spent == 0
