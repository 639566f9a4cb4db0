import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from infra.embedded.valkey import EmbeddedValkey
from infra.observability.tally import Metric, Tally

CALLS = Metric("calls", "Calls.", ("lane",))
TOOK = Metric("took", "Seconds.", (), (0.1, 1.0))


@pytest.fixture
def valkey(tmp_path: Path) -> EmbeddedValkey:
    return EmbeddedValkey(tmp_path / "redis", run=tmp_path)


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    """May be stopped and started."""
    valkey.start()
    async with Redis.from_url(f"unix://{valkey.address}", retry=Retry(NoBackoff(), 0)) as client:
        yield client
    valkey.stop()


async def amounts(tally: Tally, redis: Redis) -> Mapping[tuple[str, ...], Mapping[str, float]]:
    return {(one.metric.name, *one.labels): one.amounts for one in await tally.read(redis)}


async def test_what_every_process_counts_is_one(redis: Redis) -> None:
    web, worker = Tally([CALLS, TOOK]), Tally([CALLS, TOOK])
    web.counter(CALLS, "users").add()
    worker.counter(CALLS, "users").add(4)
    worker.counter(CALLS, "backfill").add()
    for seconds in (0.05, 0.1, 0.5, 7.0):
        worker.histogram(TOOK).observe(seconds)
    await worker.tell(redis)
    found = await amounts(web, redis)  # of its own, also what is not told yet
    assert found["calls", "users"] == {"sum": 5.0}
    assert found["calls", "backfill"] == {"sum": 1.0}
    assert found["took",] == {"0.1": 2.0, "1": 1.0, "+Inf": 1.0, "sum": 7.65}
    await web.tell(redis)
    assert await amounts(worker, redis) == await amounts(web, redis) == found


async def test_without_redis_nothing_is_lost_and_no_counter_runs_backwards(
    redis: Redis, valkey: EmbeddedValkey
) -> None:
    ours, theirs = Tally([CALLS]), Tally([CALLS])
    theirs.counter(CALLS, "users").add(10)
    await theirs.tell(redis)
    ours.counter(CALLS, "users").add(1)
    assert (await amounts(ours, redis))["calls", "users"] == {"sum": 11.0}
    valkey.stop()
    await ours.tell(redis)
    ours.counter(CALLS, "users").add(2)
    assert (await amounts(ours, redis))["calls", "users"] == {"sum": 13.0}
    valkey.start()  # empty
    await ours.tell(redis)
    assert (await amounts(ours, redis))["calls", "users"] == {"sum": 3.0}


async def test_a_tell_that_is_cut_off_is_told_again(redis: Redis) -> None:
    tally = Tally([CALLS])
    tally.counter(CALLS, "users").add(3)
    task = asyncio.create_task(tally.tell(redis))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await tally.tell(redis)
    assert (await amounts(tally, redis))["calls", "users"]["sum"] >= 3.0


async def test_what_an_older_version_counted_is_left_out(redis: Redis) -> None:
    old = Tally([Metric("gone", "Gone.", ())])
    old.counter(Metric("gone", "Gone.", ())).add()
    await old.tell(redis)
    assert await Tally([CALLS]).read(redis) == []
