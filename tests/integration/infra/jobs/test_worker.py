"""The real thing: `oodaloo worker` in a process of its own, its RQ workers and their work horses."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import select, text

from infra.clock import SystemClock
from infra.jobs.outbox import OutboxRow
from infra.jobs.sweeper import ring_due
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database

PATIENCE = timedelta(seconds=60)


@pytest.fixture
async def shop(database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Connected; its backfill is asked for and rung, and nobody works yet."""
    size = LargeCompany(bills=1300, invoices=1200, vendors=20, customers=20, months=6, paid_share=0.2)
    file = generate_large(size, today=SystemClock().now().date())
    async with open_shop(database, redis_url, home=tmp_path, files=[file]) as shop:
        answer = await shop.visitor.connect(realm_id=shop.company.realm_id)
        assert answer.status_code == 200, answer.text
        yield shop


@asynccontextmanager
async def running_worker(shop: Shop, database: Database, redis_url: str) -> AsyncIterator[psutil.Process]:
    settings = shop.web.services.settings
    assert settings.qbo is not None
    environment = {
        "OODALOO_HOME": str(settings.servers.home),
        "OODALOO_DATABASE_URL": database.app_url,
        "OODALOO_DATABASE_OWNER_URL": database.owner_url,
        "OODALOO_REDIS_URL": redis_url,
        "QBO_CLIENT_ID": settings.qbo.client_id,
        "QBO_CLIENT_SECRET": settings.qbo.client_secret.get_secret_value(),
        "QBO_API_URL": str(settings.qbo.api_url),
        "QBO_DISCOVERY_URL": str(settings.qbo.discovery_url),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runway.cli", "worker", env=os.environ | environment, start_new_session=True
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


async def job_of(shop: Shop) -> OutboxRow:
    async with shop.web.services.jobs_uow([]) as uow:
        query = select(OutboxRow).where(
            OutboxRow.arguments.contains([shop.visitor.business_id]), OutboxRow.job == BACKFILL
        )
        return (await uow.session.scalars(query)).one()


async def until_done(shop: Shop, *, sweep: bool) -> OutboxRow:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while (row := await job_of(shop)).finished_at is None:
            assert row.dead_at is None, row.last_error
            if sweep:
                await ring_due(shop.web.services.jobs_uow, shop.web.services.doorbell)
            await asyncio.sleep(0.1)
    return row


async def assert_mirrored(shop: Shop) -> None:
    held = {row["external_id"] for row in await shop.visitor.every("/bills", status="all", limit=200)}
    assert held == set(shop.company.stores["Bill"].records)


async def test_a_job_rung_at_its_commit_is_done_by_the_worker(shop: Shop, database: Database, redis_url: str) -> None:
    async with running_worker(shop, database, redis_url):
        row = await until_done(shop, sweep=False)
        assert (row.attempts, row.last_error) == (1, None)
    await assert_mirrored(shop)


async def test_a_work_horse_killed_in_the_middle_is_followed_by_another(
    shop: Shop, database: Database, redis_url: str
) -> None:
    before = sum(shop.simulator.requests[shop.company.realm_id].values())
    async with running_worker(shop, database, redis_url) as worker:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while sum(shop.simulator.requests[shop.company.realm_id].values()) < before + 4:  # noqa: ASYNC110 - only its count tells
                await asyncio.sleep(0.005)
        horses = horses_of(worker)
        assert horses
        for horse in horses:
            horse.kill()
        row = await job_of(shop)
        assert (row.attempts, row.finished_at) == (1, None)
        assert row.leased_until is not None
        async with shop.web.services.jobs_uow([]) as uow:  # a minute later
            expire = text("UPDATE outbox SET leased_until = now() - interval '1 second' WHERE id = :id")
            await uow.session.execute(expire, {"id": row.id})
        async with shop.web.services.uow(
            [UUID(shop.visitor.business_id)]
        ) as uow:  # the dead process's turn at the books, too
            await uow.session.execute(text("UPDATE refresh_lease SET leased_until = now() - interval '1 second'"))
        assert (await until_done(shop, sweep=True)).attempts == 2
    await assert_mirrored(shop)


def horses_of(worker: psutil.Process) -> list[psutil.Process]:
    """Supervisor → one process a queue → the horse of each that works; one may work on what another test left."""
    return [horse for queue in worker.children() for horse in queue.children()]
