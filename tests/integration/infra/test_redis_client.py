import asyncio

from redis.asyncio import Redis

from infra.redis_client import open_redis

_TURNS = 60  # of the event loop, in which a command has come and gone
_MOST_TURNS = 100_000  # where the machine is busy


async def write(redis: Redis, turns: int) -> None:
    await redis.set("turns", turns)


async def test_a_cancellation_is_never_lost_whenever_it_comes(redis_url: str) -> None:
    turns = late = 0
    async with open_redis(redis_url) as redis:
        await redis.ping()
        while turns < _TURNS or (not late and turns < _MOST_TURNS):
            task = asyncio.create_task(write(redis, turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            was_done = task.done()
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert was_done or isinstance(ended, asyncio.CancelledError), turns
            late += was_done
            turns += 1 + turns // _TURNS
    assert late
