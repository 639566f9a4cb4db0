"""The breaker, with time that is told and Redis that is real."""

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from infra.ids import new_id
from infra.ratelimit import breaker as breaker_room
from infra.ratelimit import circuit as circuit_room
from infra.ratelimit.breaker import CircuitOpen, RailBreaker, Way
from infra.ratelimit.retry_budget import RetryBudget


class ToldTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> ToldTime:
    told = ToldTime()
    monkeypatch.setattr(circuit_room, "monotonic", told)
    monkeypatch.setattr(breaker_room, "monotonic", told)
    return told


@pytest.fixture
def account() -> str:
    return new_id().hex


async def call(breaker: RailBreaker, account: str, *, succeeds: bool | None, way: Way = Way.READ) -> bool:
    """Whether the call was let through."""
    try:
        async with breaker.watch(account, way=way) as watched:
            match succeeds:
                case True:
                    watched.succeeded()
                case False:
                    watched.failed()
    except CircuitOpen:
        return False
    return True


async def opened(breaker: RailBreaker, account: str) -> None:
    for _ in range(10):
        assert await call(breaker, account, succeeds=False)
    assert breaker.wait_seconds(account) == 5


def alone() -> RailBreaker:
    return RailBreaker(None, rail="qbo")


async def test_it_opens_at_half_of_ten_calls(time: ToldTime, account: str) -> None:
    breaker = alone()
    for nth in range(9):
        await call(breaker, account, succeeds=nth % 2 == 0)
    assert breaker.wait_seconds(account) == 0
    await call(breaker, account, succeeds=False)
    assert breaker.wait_seconds(account) == 5
    assert not await call(breaker, account, succeeds=True)
    time.now += 4.9
    assert not await call(breaker, account, succeeds=True)
    time.now += 0.1
    assert await call(breaker, account, succeeds=True)
    assert breaker.wait_seconds(account) == 0


async def test_less_than_half_or_long_ago_opens_nothing(time: ToldTime, account: str) -> None:
    breaker = alone()
    for nth in range(60):
        assert await call(breaker, account, succeeds=nth % 5 < 3)
    breaker = alone()
    for _ in range(30):
        assert await call(breaker, account, succeeds=False)
        time.now += 3.5


async def test_what_the_rail_refuses_is_no_failure_and_what_was_given_up_says_nothing(account: str) -> None:
    breaker = alone()
    for _ in range(30):
        assert await call(breaker, account, succeeds=None)
    await opened(breaker, account)


async def test_each_failed_probe_doubles_the_pause_up_to_a_minute(time: ToldTime, account: str) -> None:
    breaker = alone()
    await opened(breaker, account)
    for pause in (5, 10, 20, 40, 60, 60):
        assert breaker.wait_seconds(account) == pause
        time.now += pause
        assert await call(breaker, account, succeeds=False)
    time.now += 60
    assert await call(breaker, account, succeeds=True)
    await opened(breaker, account)  # and begins at 5 s again


async def test_one_probe_at_a_time_here_and_elsewhere(time: ToldTime, account: str, redis: Redis) -> None:
    here, there = (RailBreaker(redis, rail="qbo") for _ in range(2))
    await opened(here, account)
    assert not await call(there, account, succeeds=True)  # it has heard of it
    time.now += 5
    await redis.delete(f"breaker:{{qbo}}:{account}:read")  # its time is Redis's own
    async with here.watch(account, way=Way.READ) as probe:
        assert not await call(here, account, succeeds=True)
        assert not await call(there, account, succeeds=True)
        probe.succeeded()
    assert await call(here, account, succeeds=True)
    assert await call(there, account, succeeds=True)


async def test_a_probe_that_is_given_up_lets_the_next_one_try(time: ToldTime, account: str, redis: Redis) -> None:
    breaker = RailBreaker(redis, rail="qbo")
    await opened(breaker, account)
    time.now += 5
    assert await call(breaker, account, succeeds=None)
    assert await call(breaker, account, succeeds=True)
    assert breaker.wait_seconds(account) == 0


async def test_reads_and_writes_and_accounts_fail_apart(account: str) -> None:
    breaker = alone()
    await opened(breaker, account)
    assert await call(breaker, account, succeeds=True, way=Way.WRITE)
    assert await call(breaker, new_id().hex, succeeds=True)


async def test_the_rail_as_a_whole_opens_when_several_accounts_fail(account: str) -> None:
    breaker, other = alone(), new_id().hex
    for nth in range(10):
        assert await call(breaker, (account, other)[nth % 2], succeeds=False)
    assert breaker.wait_seconds(new_id().hex) == 5
    assert breaker.wait_seconds(account, Way.WRITE) == 5


async def test_without_redis_it_goes_by_what_it_knows(account: str) -> None:
    async with Redis.from_url("unix:///nowhere/valkey.sock") as redis:
        await opened(RailBreaker(redis, rail="qbo"), account)


@pytest.mark.parametrize(("successes", "repetitions"), [(0, 10), (5, 10), (1000, 10)])
def test_a_tenth_of_what_succeeds_may_be_repeated(successes: int, repetitions: int) -> None:
    budget = RetryBudget()
    assert _spent(budget.spend) == 10
    for _ in range(successes):
        budget.earn()
    assert _spent(budget.spend) == min(repetitions, successes // 10)


def _spent(spend: Callable[[], bool]) -> int:
    count = 0
    while spend():
        count += 1
    return count
