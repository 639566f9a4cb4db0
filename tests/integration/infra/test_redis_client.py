import asyncio

from redis.asyncio import Redis

from infra.redis_client import open_redis

_MOST_TURNS = 60  # of the event loop, in which a command has come and gone


async def write(redis: Redis, turns: int) -> None:
    await redis.set("turns", turns)


async def test_a_cancellation_is_never_lost_whenever_it_comes(redis_url: str) -> None:
    late = 0
    async with open_redis(redis_url) as redis:
        await redis.ping()
        for turns in range(_MOST_TURNS):
            task = asyncio.create_task(write(redis, turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            was_done = task.done()
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert was_done or isinstance(ended, asyncio.CancelledError), turns
            late += was_done
    assert 0 < late < _MOST_TURNS
