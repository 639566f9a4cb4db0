"""Inbound limits on a real Valkey. Rates are so slow that no assertion depends on how fast the machine is."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from infra.embedded.valkey import EmbeddedValkey
from infra.ids import new_id
from infra.ratelimit import brief
from infra.ratelimit.inbound import Charge, Full, InboundLimiter, Rate
from infra.ratelimit.own_share import OwnShare

FIVE_AN_HOUR = Rate(5, timedelta(hours=1), burst=5)
TWO_AN_HOUR = Rate(2, timedelta(hours=1), burst=2)


@pytest.fixture
def name() -> str:
    return new_id().hex


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine Valkey may take longer to answer than a request may wait; what is tried here is the shared count."""
    monkeypatch.setattr(brief, "ANSWERS_WITHIN_SECONDS", 10)


@pytest.mark.usefixtures("patient")
async def test_a_bucket_lets_in_its_burst_and_tells_when_there_is_room(redis: Redis, name: str) -> None:
    limiter = InboundLimiter(redis, processes=2)
    answers = [await limiter.admit([Charge(name, FIVE_AN_HOUR)]) for _ in range(7)]
    assert answers[:5] == [None] * 5
    for refused in answers[5:]:
        assert isinstance(refused, Full)
        assert refused.bucket == name
        assert 600 < refused.retry_after_seconds <= 720
    assert 0 < await redis.pttl(f"limit:{{inbound}}:{name}") <= 3_600_000


@pytest.mark.usefixtures("patient")
async def test_processes_share_a_bucket_and_others_have_their_own(redis: Redis, redis_url: str, name: str) -> None:
    async with Redis.from_url(redis_url) as other:
        limiters = (InboundLimiter(redis, processes=2), InboundLimiter(other, processes=2))
        asked = await asyncio.gather(*(limiters[n % 2].admit([Charge(name, FIVE_AN_HOUR)]) for n in range(20)))
    assert asked.count(None) == 5
    assert await limiters[0].admit([Charge(f"{name}-other", FIVE_AN_HOUR)]) is None


@pytest.mark.usefixtures("patient")
async def test_what_one_bucket_refuses_is_charged_to_none(redis: Redis, name: str) -> None:
    limiter = InboundLimiter(redis, processes=2)
    both = [Charge(f"{name}-wide", FIVE_AN_HOUR), Charge(f"{name}-narrow", TWO_AN_HOUR)]
    answers = [await limiter.admit(both) for _ in range(6)]
    assert answers.count(None) == 2
    assert {one.bucket for one in answers if one} == {f"{name}-narrow"}
    wide = [await limiter.admit(both[:1]) for _ in range(6)]
    assert wide.count(None) == 3


async def test_an_idle_bucket_leaves_nothing_behind(redis: Redis, name: str) -> None:
    quick = Rate(1000, timedelta(seconds=1), burst=1000)
    assert await InboundLimiter(redis, processes=2).admit([Charge(name, quick)]) is None
    assert await redis.pttl(f"limit:{{inbound}}:{name}") <= 1


@pytest.mark.parametrize("processes", [1, 2])
async def test_without_redis_a_process_keeps_to_its_part(name: str, processes: int) -> None:
    async with Redis.from_url("unix:///nowhere/valkey.sock") as redis:
        limiter = InboundLimiter(redis, processes=processes)
        answers = [await limiter.admit([Charge(name, Rate(4, timedelta(hours=1), burst=4))]) for _ in range(6)]
    assert answers.count(None) == 4 // processes
    assert all(one.retry_after_seconds > 800 for one in answers if one)


async def test_a_redis_that_hangs_holds_up_one_request_shortly_and_the_next_not_at_all(
    short_home: Path, name: str
) -> None:
    asked = 0

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    path = short_home / "redis.sock"
    async with await asyncio.start_unix_server(say_nothing, path), Redis.from_url(f"unix://{path}") as redis:
        limiter = InboundLimiter(redis, processes=1)
        for _ in range(3):
            assert await limiter.admit([Charge(name, FIVE_AN_HOUR)]) is None
        assert asked == 1


async def test_redis_that_is_back_is_asked_again(short_home: Path, name: str) -> None:
    run = short_home / "run"
    run.mkdir()
    valkey = EmbeddedValkey(short_home / "valkey", run=run)
    async with Redis.from_url(f"unix://{run}/valkey/valkey.sock") as redis:
        limiter = InboundLimiter(redis, processes=1)
        assert await limiter.admit([Charge(name, FIVE_AN_HOUR)]) is None
        with valkey:
            while not await redis.exists(f"limit:{{inbound}}:{name}"):  # the test's time-out fails it
                assert await limiter.admit([Charge(name, Rate(1000, timedelta(hours=1), burst=1000))]) is None
                await asyncio.sleep(0.05)


@pytest.fixture
def short_home() -> Iterator[Path]:
    """A socket's path must be short."""
    path = Path(tempfile.mkdtemp(prefix="oodaloo-inbound-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_a_crowd_does_not_fill_the_memory() -> None:
    share = OwnShare(1)
    for number in range(50_000):
        assert share.admit([(str(number), 60.0, 600.0)]) == [0.0]
    assert len(share) <= 20_000


@pytest.mark.usefixtures("patient")
async def test_a_wide_bucket_is_charged_in_memory_and_told_to_redis(redis: Redis, redis_url: str, name: str) -> None:
    wide = Rate(200, timedelta(hours=1), burst=200)
    async with Redis.from_url(redis_url) as other:
        here, there = InboundLimiter(redis, processes=2), InboundLimiter(other, processes=2)
        assert [await here.admit([Charge(name, wide)]) for _ in range(60)] == [None] * 60
        await here.close()
        answers = [await there.admit([Charge(name, wide)]) for _ in range(150)]
        await there.close()
        await asyncio.sleep(0.15)  # longer than what was heard of the bucket is believed
        assert isinstance(await here.admit([Charge(name, wide)]), Full)
    assert answers.count(None) == 140
