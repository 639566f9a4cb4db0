"""A grant that is gone is asked about once, said loudly, and then left alone by readers and jobs alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from infra.clock import SystemClock
from infra.config import Rail
from infra.jobs.outbox import OutboxRow
from infra.qbo.simulator.api.oauth import AuthorizationServer
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.orchestrators.connect_qbo import BACKFILL_JOB
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database


@pytest.fixture
async def shop(database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    size = LargeCompany(bills=10, invoices=5, vendors=3, customers=3, months=2)
    file = generate_large(size, today=SystemClock().now().date())
    async with open_shop(database, redis_url, home=tmp_path, files=[file]) as shop:
        await shop.read_books()
        yield shop


async def test_invalid_grant_is_heard_once_and_nothing_loops(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    oauth = shop.simulator.oauth
    refresh = AuthorizationServer.refresh

    def counted(server: AuthorizationServer, refresh_token: str, **options: Any) -> dict[str, Any]:
        asked.append(refresh_token)
        return refresh(server, refresh_token, **options)

    monkeypatch.setattr(AuthorizationServer, "refresh", counted)  # the simulator's own side, to count what reaches it
    services, business_id = shop.web.services, UUID(shop.visitor.business_id)
    grant = await services.qbo_rail.tokens.get(business_id, Rail.QBO)
    oauth.revoke(grant.refresh_token.get_secret_value())

    first = await shop.visitor.get("/bills", max_age=0)
    assert first["freshness"]["stale"]
    heard = len(asked)
    assert 1 <= heard <= 2, "the token, and at most its predecessor"

    requests = shop.simulator.requests[shop.company.realm_id].total()
    answers = await asyncio.gather(*(shop.visitor.get("/bills", max_age=0) for _ in range(10)))
    assert all(answer["freshness"]["stale"] and answer["data"] for answer in answers)
    async with services.uow([business_id]) as uow:
        uow.enqueue(BACKFILL_JOB, str(business_id), queue="bulk")
    assert await shop.web.run_jobs(str(business_id)) >= 1  # the tie-out of the first reading waits, too
    async with services.jobs_uow([]) as uow:
        query = select(OutboxRow).where(OutboxRow.arguments.contains([str(business_id)]), OutboxRow.dead_at.isnot(None))
        rows = (await uow.session.scalars(query)).all()
    assert {row.attempts for row in rows} == {1}
    assert await shop.web.run_jobs(str(business_id)) == 0
    assert len(asked) == heard
    assert shop.simulator.requests[shop.company.realm_id].total() == requests
