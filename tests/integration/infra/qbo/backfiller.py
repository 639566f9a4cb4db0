"""A process that backfills, for tests to kill: `python -m … APP_URL REDIS_URL BUSINESS_ID QBO_URL TOKEN REALM_ID PAGE`."""

import asyncio
import sys
from uuid import UUID

import pytest
from redis.asyncio import Redis

from infra.db.engine import create_engine
from infra.qbo.http_client import open_http
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.server import SimulatorInfo
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from tests.integration.infra.qbo.company_rig import (
    JOB_PATIENCE,
    WIDE,
    GivenToken,
    MovedClock,
    make_pages_small,
    make_service,
    qbo_settings,
)


async def main(
    app_url: str, redis_url: str, business_id: str, qbo_url: str, token: str, realm_id: str, page: str
) -> None:
    make_pages_small(pytest.MonkeyPatch(), int(page))
    info = SimulatorInfo(
        base_url=qbo_url, api_url=qbo_url, discovery_url=f"{qbo_url}/.well-known/openid_configuration",
        realm_ids=[realm_id], client_id="id", client_secret="secret", access_token=token, refresh_token="unused",
    )  # fmt: skip
    clock, settings, engine = MovedClock(), qbo_settings(info), create_engine(app_url)
    async with open_http(settings) as http, Redis.from_url(redis_url) as redis:
        client = QBORawClient(
            realm_id,
            http=http,
            settings=settings,
            tokens=GivenToken(lambda: token),
            limiter=RailLimiter(redis, rail="qbo", limits=WIDE),
            clock=clock,
            lane=Lane.BACKFILL,
            patience=JOB_PATIENCE,
        )
        await make_service(UUID(business_id), client=client, engine=engine, clock=clock).backfill(actor="killed")
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
