"""The real thing: `oodaloo worker` in a process of its own, and the one of each queue."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from redis import Redis
from sqlalchemy import select, text

from benchmarks.sessions import stop_session
from infra.clock import SystemClock
from infra.jobs.outbox import OutboxRow
from infra.jobs.sweeper import ring_due
from infra.observability.rq_standing import read_doorbells
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database

PATIENCE = timedelta(seconds=100)  # for a machine that has much else to do

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def shop(own_database: Database, own_redis_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Not connected, and nobody works yet."""
    size = LargeCompany(bills=1300, invoices=1200, vendors=20, customers=20, months=6, paid_share=0.2)
    file = generate_large(size, today=SystemClock().now().date())
    async with open_shop(own_database, own_redis_url, home=tmp_path, files=[file]) as shop:
        yield shop


@contextmanager
def running_worker(shop: Shop, database: Database, redis_url: str) -> Iterator[psutil.Process]:
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
    process = subprocess.Popen(
        [sys.executable, "-m", "runway.cli", "worker"], env=os.environ | environment, start_new_session=True
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        stop_session(process)


async def ask_for_backfill(shop: Shop) -> None:
    answer = await shop.visitor.connect(realm_id=shop.company.realm_id)
    assert answer.status_code == 200, answer.text


async def until_served(redis_url: str) -> None:
    """A ring that comes long before its worker is forgotten."""
    with Redis.from_url(redis_url) as redis:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while read_doorbells(redis, now=SystemClock().now()).unserved:  # noqa: ASYNC110 - other processes come to listen
                await asyncio.sleep(0.1)


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


async def test_a_job_rung_at_its_commit_is_done_by_the_worker(
    shop: Shop, own_database: Database, own_redis_url: str
) -> None:
    with running_worker(shop, own_database, own_redis_url):
        await until_served(own_redis_url)
        await ask_for_backfill(shop)
        row = await until_done(shop, sweep=False)
        assert (row.attempts, row.last_error) == (1, None)
    await assert_mirrored(shop)


async def test_a_queue_worker_killed_in_the_middle_is_followed_by_another(
    shop: Shop, own_database: Database, own_redis_url: str
) -> None:
    await ask_for_backfill(shop)
    before = sum(shop.simulator.requests[shop.company.realm_id].values())
    swept = time.monotonic()
    with running_worker(shop, own_database, own_redis_url) as worker:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while sum(shop.simulator.requests[shop.company.realm_id].values()) < before + 4:
                await asyncio.sleep(0.005)
                if time.monotonic() - swept > 1:  # the ring at the commit may be forgotten before the worker listens
                    swept = time.monotonic()
                    await ring_due(shop.web.services.jobs_uow, shop.web.services.doorbell)
        for of_queue in worker.children():
            of_queue.kill()
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
