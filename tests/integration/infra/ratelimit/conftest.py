from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.redis_client import open_redis

BEGUN = "limit:{qbo}:begun"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A server that has known every call for ages."""
    async with open_redis(redis_url) as client:
        await RailLimiter(client, rail="qbo", limits=Limits()).begin()
        await client.set(BEGUN, 1)
        yield client
