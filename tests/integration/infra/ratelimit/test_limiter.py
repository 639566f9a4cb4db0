"""The limiter on a real Valkey. Rates are so slow or so quick that no assertion depends on how fast the machine is."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from redis.asyncio import Redis

from infra.embedded.valkey import EmbeddedValkey
from infra.errors import RailRateLimited
from infra.ids import new_id
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Bucket, Limits, Rate
from infra.ratelimit.shared_share import SharedShare, Untold
from tests.integration.infra.ratelimit.conftest import BEGUN

NO_WAIT = timedelta(0)
MINUTE = 60_000_000  # microseconds
LONG = timedelta(seconds=20)
ONE_A_MINUTE = Limits(per_minute=1, burst=10, per_second=1_000_000, in_flight=1000)
WIDE = Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000)


@pytest.fixture
def realm() -> str:
    return new_id().hex


def limiter_of(redis: Redis, limits: Limits) -> RailLimiter:
    return RailLimiter(redis, rail="qbo", limits=limits)


async def move_clock(redis: Redis, realm: str, *, seconds: int) -> None:
    """Redis's clock cannot be moved; all that it has written down can, the other way."""
    moved = -seconds * 1_000_000
    for key in [key async for key in redis.scan_iter(match="limit:{qbo}:*")]:
        if realm.encode() in key and key.endswith(b":state"):
            for name, instant in (await redis.hgetall(key)).items():
                await redis.hset(key, name, int(instant) + moved)
        elif realm.encode() in key:
            open_calls: Any = await redis.zrange(key, 0, -1, withscores=True)
            for call, ends in open_calls:
                await redis.zadd(key, {call: ends + moved})
    await redis.set(BEGUN, max(1, await begun(redis) + moved))


async def begun(redis: Redis) -> int:
    return int(await redis.get(BEGUN) or 0)


async def admitted(limiter: RailLimiter, realm: str, lane: Lane, *, tries: int = 15) -> int:
    count = 0
    for _ in range(tries):
        try:
            async with limiter.permit(realm, lane=lane, max_wait=NO_WAIT) as permit:
                assert not permit.is_degraded
                count += 1
        except RailRateLimited:
            pass
    return count


async def test_no_more_than_the_burst_runs_ahead_of_the_rate(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, ONE_A_MINUTE)
    assert await admitted(limiter, realm, Lane.USER) == 10
    with pytest.raises(RailRateLimited) as caught:
        async with limiter.permit(realm, lane=Lane.USER, max_wait=timedelta(seconds=1)):
            pass
    assert 1 < caught.value.retry_after_seconds <= 60


async def test_all_processes_share_one_budget_and_each_realm_has_its_own(
    redis: Redis, redis_url: str, realm: str
) -> None:
    async with Redis.from_url(redis_url) as other_connection:
        here, there = limiter_of(redis, ONE_A_MINUTE), limiter_of(other_connection, ONE_A_MINUTE)
        both = await asyncio.gather(admitted(here, realm, Lane.USER), admitted(there, realm, Lane.USER))
        assert sum(both) == 10
        assert await admitted(there, new_id().hex, Lane.USER) == 10


async def test_a_background_lane_leaves_the_users_their_room(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, ONE_A_MINUTE)
    counts = [await admitted(limiter, realm, lane) for lane in reversed(Lane)]
    # Of a burst of 10 the backfill takes 40 %, reconciliation up to 60 %, webhooks up to 80 %, users the rest.
    assert counts == [4, 2, 2, 2, 0]


async def test_calls_in_flight_are_capped_by_lane(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, WIDE)
    counts = []
    async with AsyncExitStack() as open_calls:
        for lane in reversed(Lane):
            count = 0
            while True:
                try:
                    await open_calls.enter_async_context(limiter.permit(realm, lane=lane, max_wait=NO_WAIT))
                except RailRateLimited:
                    break
                count += 1
            counts.append(count)
    assert counts == [5, 0, 1, 1, 1]
    assert await admitted(limiter, realm, Lane.BACKFILL, tries=3) == 3


async def test_no_second_has_more_than_ten_though_each_call_comes_a_fifth_of_a_second_late_or_at_once(
    redis: Redis, realm: str
) -> None:
    limiter, let_in = limiter_of(redis, Limits()), []
    for _ in range(12):
        async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=LONG) as permit:
            assert not permit.is_degraded
            let_in.append(int(await redis.hget(f"limit:{{qbo}}:{realm}:state", "seen") or 0))
    assert [later - first >= 1_200_000 for first, later in zip(let_in, let_in[10:], strict=False)] == [True, True]


async def test_a_waiter_who_comes_late_makes_the_next_wait_less(redis: Redis, realm: str) -> None:
    shared = SharedShare(redis, rail="qbo", app="", limits=replace(WIDE, per_second=8))
    state = f"limit:{{qbo}}:{realm}:state"

    async def made_up_for(late: int) -> int:
        """By how many microseconds the next may come sooner than a whole interval after this one."""
        seconds, microseconds = await redis.time()
        due = seconds * 1_000_000 + microseconds - late
        await redis.hset(state, mapping={"second:": due, "seen": due})
        assert await shared.ask(realm, Lane.PAYMENT, bucket=Bucket.CALL, call=new_id().hex, untold=Untold()) is None
        told: Any = await redis.hgetall(state)
        return int(told[b"seen"]) + 125_000 - int(told[b"second:"])

    assert 20_000 <= await made_up_for(20_000) <= 50_000
    assert await made_up_for(10_000_000) == 50_000


async def test_calls_are_spaced_by_the_short_rate(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, Limits(per_minute=60_000_000, burst=1_000_000, per_second=0.02))
    assert await admitted(limiter, realm, Lane.USER, tries=1) == 1
    with pytest.raises(RailRateLimited) as caught:
        async with limiter.permit(realm, lane=Lane.USER, max_wait=NO_WAIT):
            pass
    assert 25 < caught.value.retry_after_seconds <= 50
    with pytest.raises(RailRateLimited) as background:
        async with limiter.permit(realm, lane=Lane.BACKFILL, max_wait=NO_WAIT):
            pass
    assert 25 < background.value.retry_after_seconds <= 50.015


async def test_under_pressure_the_rate_and_the_burst_are_the_ceiling(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, Limits(per_minute=6000, burst=20, per_second=1_000_000, in_flight=1000))
    started = monotonic()
    count = 0

    async def press() -> None:
        nonlocal count
        for _ in range(25):
            async with limiter.permit(realm, lane=Lane.USER, max_wait=LONG):
                count += 1

    await asyncio.gather(*(press() for _ in range(8)))
    elapsed = monotonic() - started
    assert count == 200
    assert count <= 20 + 100 * elapsed


async def test_a_call_whose_process_died_stops_counting_when_its_lease_ends(redis: Redis, realm: str) -> None:
    limits = replace(WIDE, in_flight=1, lease=timedelta(seconds=1))
    who_died = SharedShare(redis, rail="qbo", app="", limits=limits)
    assert await who_died.ask(realm, Lane.PAYMENT, bucket=Bucket.CALL, call="lost", untold=Untold()) is None
    async with limiter_of(redis, limits).permit(realm, lane=Lane.PAYMENT, max_wait=LONG) as permit:
        assert permit.waited_seconds > 0


async def test_a_call_longer_than_its_lease_keeps_its_place(redis: Redis, realm: str) -> None:
    limits = replace(WIDE, in_flight=1, lease=timedelta(seconds=1))
    limiter = limiter_of(redis, limits)
    async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=NO_WAIT):
        await asyncio.sleep(1.3)
        assert await admitted(limiter_of(redis, limits), realm, Lane.PAYMENT, tries=1) == 0
    assert await admitted(limiter, realm, Lane.PAYMENT, tries=1) == 1


async def test_an_emptied_server_counts_a_whole_burst_as_spent(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, ONE_A_MINUTE)
    assert await admitted(limiter, realm, Lane.USER) == 10
    await redis.flushdb()
    assert await admitted(limiter, realm, Lane.USER, tries=2) == 0
    assert await admitted(limiter, new_id().hex, Lane.USER, tries=2) == 0
    await redis.set(BEGUN, await begun(redis) - 3 * MINUTE)  # three minutes later
    assert await admitted(limiter, new_id().hex, Lane.USER) == 3


async def test_a_restarted_server_is_not_believed_whatever_it_remembers(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, ONE_A_MINUTE)
    assert await admitted(limiter, realm, Lane.USER, tries=1) == 1
    await redis.script_flush()  # scripts are in no snapshot
    assert await admitted(limiter, realm, Lane.USER, tries=2) == 0


async def test_a_new_process_takes_no_server_for_restarted(redis: Redis, realm: str) -> None:
    for _ in range(2):
        assert await admitted(limiter_of(redis, ONE_A_MINUTE), realm, Lane.USER, tries=2) == 2


async def test_an_emptied_server_learns_of_the_calls_under_way(redis: Redis, realm: str) -> None:
    limits = replace(WIDE, in_flight=1)
    limiter = limiter_of(redis, limits)
    async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=NO_WAIT):
        await redis.flushdb()
        with pytest.raises(RailRateLimited, match="in_flight"):
            async with limiter_of(redis, limits).permit(realm, lane=Lane.PAYMENT, max_wait=timedelta(seconds=1.5)):
                pass


async def test_a_clock_that_goes_back_stops_nobody(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, replace(ONE_A_MINUTE, in_flight=2))
    for _ in range(4):
        assert await admitted(limiter, realm, Lane.USER, tries=1) == 1
    await limiter.block(realm, seconds=0.2)
    async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=LONG):
        await move_clock(redis, realm, seconds=-86_400)
        assert await admitted(limiter, realm, Lane.USER, tries=2) == 0  # the place of the call under way is taken still
        assert await admitted(limiter, realm, Lane.PAYMENT) == 5  # of a burst of 10 five are spent


async def test_a_clock_that_leaps_ahead_gives_no_second_burst(redis: Redis, realm: str) -> None:
    leapt = 0
    shared = SharedShare(
        redis, rail="qbo", app="", limits=ONE_A_MINUTE, elapsed=lambda: monotonic() - leapt
    )  # Redis's clock leaps ahead of ours

    async def let_in() -> int:
        asked = [
            await shared.ask(realm, Lane.USER, bucket=Bucket.CALL, call=new_id().hex, untold=Untold())
            for _ in range(15)
        ]
        return asked.count(None)

    assert await let_in() == 10
    await move_clock(redis, realm, seconds=86_400)
    leapt = 86_400
    assert await let_in() == 0


async def test_batches_and_reports_have_limits_of_their_own(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, replace(WIDE, batches=Rate(1, 3), reports=None))

    async def let_in(bucket: Bucket) -> int:
        count = 0
        for _ in range(6):
            try:
                async with limiter.permit(realm, lane=Lane.USER, max_wait=NO_WAIT, bucket=bucket):
                    count += 1
            except RailRateLimited:
                pass
        return count

    assert [await let_in(bucket) for bucket in (Bucket.BATCH, Bucket.REPORT, Bucket.CALL)] == [3, 6, 6]


async def test_apps_share_the_minute_of_a_realm_and_not_its_second(redis: Redis, realm: str) -> None:
    limits = replace(ONE_A_MINUTE, per_second=0.001)
    here, there = (RailLimiter(redis, rail="qbo", limits=limits, app=app) for app in ("a", "b"))
    assert [await admitted(one, realm, Lane.USER, tries=2) for one in (here, there)] == [1, 1]
    limits = replace(limits, per_second=1_000_000)
    here, there = (RailLimiter(redis, rail="qbo", limits=limits, app=app) for app in ("c", "d"))
    assert await admitted(here, realm, Lane.USER) + await admitted(there, realm, Lane.USER) == 8


async def test_an_error_inside_gives_the_place_back(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, Limits(per_minute=60_000_000, burst=1000, per_second=1_000_000, in_flight=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=NO_WAIT):
                raise ZeroDivisionError


async def test_a_cancelled_waiter_leaves_no_place_taken(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, Limits(per_minute=60_000_000, burst=1000, per_second=1_000_000, in_flight=1))

    async def call() -> None:
        async with limiter.permit(realm, lane=Lane.PAYMENT, max_wait=LONG):
            await asyncio.sleep(60)

    calls = [asyncio.create_task(call()) for _ in range(3)]
    await asyncio.sleep(0.1)
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert await admitted(limiter, realm, Lane.PAYMENT, tries=1) == 1


async def test_a_block_holds_every_lane_and_a_shorter_one_does_not_end_it(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, WIDE)
    await limiter.block(realm, seconds=60)
    await limiter.block(realm, seconds=1)
    for lane in Lane:
        with pytest.raises(RailRateLimited, match="blocked") as caught:
            async with limiter.permit(realm, lane=lane, max_wait=timedelta(seconds=2)):
                pass
        assert 2 < caught.value.retry_after_seconds <= 60
    assert await admitted(limiter, new_id().hex, Lane.USER, tries=1) == 1


async def test_a_block_ends(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, WIDE)
    await limiter.block(realm, seconds=0.3)
    async with limiter.permit(realm, lane=Lane.USER, max_wait=LONG) as permit:
        assert permit.waited_seconds > 0


async def test_an_idle_realm_leaves_nothing_behind_for_ever(redis: Redis, realm: str) -> None:
    await admitted(limiter_of(redis, WIDE), realm, Lane.USER, tries=1)
    keys = [key async for key in redis.scan_iter(match=f"*{realm}*")]
    assert keys
    assert all([await redis.pttl(key) > 0 for key in keys])


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="oodaloo-limits-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def test_without_redis_a_process_keeps_to_its_share_and_background_waits_for_it(home: Path, realm: str) -> None:
    run = home / "run"
    run.mkdir()
    limits = Limits(per_minute=4, burst=10, per_second=1_000_000, in_flight=8, processes=2)
    valkey = EmbeddedValkey(home / "valkey", run=run)
    async with Redis.from_url(f"unix://{run}/valkey/valkey.sock") as redis:
        limiter = limiter_of(redis, limits)
        with pytest.raises(RailRateLimited, match="own_share"):  # what Redis let in just now is not forgotten yet
            async with limiter.permit(realm, lane=Lane.USER, max_wait=timedelta(seconds=0.5)):
                pass
        async with limiter.permit(realm, lane=Lane.USER, max_wait=LONG) as permit:
            assert permit.is_degraded
        with pytest.raises(RailRateLimited, match="own_share") as caught:  # a minute / 4 calls x 2 processes
            async with limiter.permit(realm, lane=Lane.USER, max_wait=NO_WAIT):
                pass
        assert 15 < caught.value.retry_after_seconds <= 30
        with pytest.raises(RailRateLimited, match="redis_down"):
            async with limiter.permit(realm, lane=Lane.BACKFILL, max_wait=NO_WAIT):
                pass

        async def backfill() -> bool:
            async with limiter_of(redis, WIDE).permit(realm, lane=Lane.BACKFILL, max_wait=LONG) as permit:
                return permit.is_degraded

        waiting = asyncio.create_task(backfill())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        with valkey:
            assert await waiting is False


async def test_a_process_without_redis_makes_no_more_calls_at_once_than_its_part(realm: str) -> None:
    limits = replace(WIDE, in_flight=8, processes=4)
    async with Redis.from_url("unix:///nowhere/valkey.sock") as redis, AsyncExitStack() as open_calls:
        limiter = limiter_of(redis, limits)
        for _ in range(2):
            await open_calls.enter_async_context(limiter.permit(realm, lane=Lane.USER, max_wait=LONG))
        with pytest.raises(RailRateLimited, match="own_share"):
            async with limiter.permit(realm, lane=Lane.USER, max_wait=timedelta(seconds=0.2)):
                pass


async def test_calls_made_without_redis_count_once_it_is_back(redis: Redis, realm: str) -> None:
    shared = SharedShare(redis, rail="qbo", app="", limits=ONE_A_MINUTE)
    refusal = await shared.ask(realm, Lane.USER, bucket=Bucket.CALL, call="a", untold=Untold(calls=7))
    assert refusal is not None
    assert 0 < refusal.wait_seconds <= 1  # a second's rest from the calls made alone
    await asyncio.sleep(refusal.wait_seconds)
    assert await admitted(limiter_of(redis, ONE_A_MINUTE), realm, Lane.USER) == 3


async def test_a_block_that_redis_forgot_is_told_again(redis: Redis, realm: str) -> None:
    limiter = limiter_of(redis, WIDE)
    await limiter.block(realm, seconds=60)
    await redis.flushdb()
    assert await admitted(limiter, realm, Lane.USER, tries=1) == 0
    with pytest.raises(RailRateLimited, match="blocked"):
        async with limiter_of(redis, WIDE).permit(realm, lane=Lane.PAYMENT, max_wait=timedelta(seconds=1)):
            pass


async def test_a_block_is_kept_while_redis_is_down(realm: str) -> None:
    async with Redis.from_url("unix:///nowhere/valkey.sock") as redis:
        limiter = limiter_of(redis, WIDE)
        await limiter.block(realm, seconds=60)
        with pytest.raises(RailRateLimited, match="own_share"):
            async with limiter.permit(realm, lane=Lane.USER, max_wait=timedelta(seconds=1)):
                pass
