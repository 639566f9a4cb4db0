"""Who guesses is slowed down; whose account it is gets in. On a real Valkey, with rates that no test outlives."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from infra.ids import new_id
from infra.ratelimit.guesses import Guesses, GuessRules, TooManyGuesses, address_prefix
from infra.ratelimit.inbound import Rate

OFFICE, ELSEWHERE = "198.51.100.7", "203.0.113.9"
NO_PAUSE = GuessRules(without_delay=1000)


@pytest.fixture
def email() -> str:
    return f"{new_id().hex}@example.com"


@pytest.fixture
def guesses(redis: Redis) -> Guesses:
    return Guesses(redis, purpose=new_id().hex, rules=NO_PAUSE)


async def allowed(guesses: Guesses, email: str, address: str, *, tries: int = 12) -> int:
    count = 0
    for _ in range(tries):
        try:
            await guesses.ask(email, address)
            count += 1
        except TooManyGuesses:
            pass
    return count


async def test_five_a_minute_and_the_sixth_is_told_when(guesses: Guesses, email: str) -> None:
    assert await allowed(guesses, email, OFFICE) == 5
    with pytest.raises(TooManyGuesses) as caught:
        await guesses.ask(email, OFFICE)
    assert 0 < caught.value.retry_after_seconds <= 12


async def test_twenty_an_hour(redis: Redis, email: str) -> None:
    rules = GuessRules(minute=Rate(10**6, timedelta(minutes=1), burst=10**6), without_delay=1000)
    guesses = Guesses(redis, purpose=new_id().hex, rules=rules)
    assert await allowed(guesses, email, OFFICE, tries=30) == 20
    with pytest.raises(TooManyGuesses) as caught:
        await guesses.ask(email, OFFICE)
    assert 100 < caught.value.retry_after_seconds <= 180


async def test_one_account_from_many_addresses_and_many_accounts_from_one(guesses: Guesses, email: str) -> None:
    """Bots on one account; one who tries a password on everybody."""
    from_everywhere = [await allowed(guesses, email, f"203.0.113.{n}", tries=1) for n in range(12)]
    assert sum(from_everywhere) == 5
    on_everybody = [await allowed(guesses, f"{n}{email}", OFFICE, tries=1) for n in range(12)]
    assert sum(on_everybody) == 5


async def test_a_stranger_does_not_keep_the_owner_out(guesses: Guesses, email: str) -> None:
    await (await guesses.ask(email, OFFICE)).was_right()
    assert await allowed(guesses, email, ELSEWHERE) == 5
    assert await allowed(guesses, email, ELSEWHERE, tries=1) == 0
    owner = await guesses.ask(f" {email.upper()} ", OFFICE)
    assert owner.is_known
    await owner.was_right()
    assert await allowed(guesses, email, OFFICE) == 5  # a thief at the office's own address is slowed down too


async def test_a_neighbour_who_sprays_does_not_keep_the_owner_out(guesses: Guesses, email: str) -> None:
    await (await guesses.ask(email, OFFICE)).was_right()
    for n in range(12):
        await allowed(guesses, f"{n}{email}", OFFICE, tries=1)
    assert await allowed(guesses, email, OFFICE, tries=1) == 1


async def test_a_mailed_link_lets_the_owner_in_from_a_new_place(guesses: Guesses, email: str) -> None:
    assert await allowed(guesses, email, ELSEWHERE) == 5
    assert await allowed(guesses, email, OFFICE, tries=1) == 0
    await guesses.learn(email, OFFICE)
    assert await allowed(guesses, email, OFFICE, tries=1) == 1


async def test_the_caller_may_know_the_owners_address_itself(guesses: Guesses, email: str) -> None:
    assert await allowed(guesses, email, ELSEWHERE) == 5
    assert (await guesses.ask(email, OFFICE, is_known=True)).is_known


async def test_a_right_guess_gives_back_its_own_charge_and_no_other(guesses: Guesses, email: str) -> None:
    """Else one's own account would wash away the guesses at others' from the same address."""
    assert await allowed(guesses, email, OFFICE, tries=4) == 4
    await (await guesses.ask(f"mine-{email}", OFFICE)).was_right()
    assert await allowed(guesses, f"other-{email}", OFFICE) == 1


async def test_an_office_of_many_signs_in(guesses: Guesses, email: str) -> None:
    for n in range(40):
        await (await guesses.ask(f"{n}{email}", OFFICE)).was_right()


async def test_the_pause_doubles_to_its_longest_and_refusals_do_not_prolong_it(redis: Redis, email: str) -> None:
    wide = Rate(10**6, timedelta(minutes=1), burst=10**6)
    rules = GuessRules(minute=wide, hour=wide, longest_delay=timedelta(seconds=300))
    guesses = Guesses(redis, purpose=new_id().hex, rules=rules)
    assert await allowed(guesses, email, OFFICE, tries=3) == 3
    pauses = []
    for _ in range(11):
        await guesses.ask(email, OFFICE)
        refusals = []
        for _ in range(3):
            with pytest.raises(TooManyGuesses) as caught:
                await guesses.ask(email, OFFICE)
            refusals.append(caught.value.retry_after_seconds)
        assert refusals == sorted(refusals, reverse=True)
        pauses.append(round(refusals[0]))
        async for key in redis.scan_iter(match=f"guess:*{guesses.purpose}*"):
            await redis.hset(key, "not_before", "0")  # the pause is over
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_no_account_is_named_in_redis(redis: Redis, guesses: Guesses, email: str) -> None:
    await (await guesses.ask(email, OFFICE)).was_right()
    await guesses.ask(email, OFFICE)
    keys = [key async for key in redis.scan_iter(match="guess:*")]
    assert keys
    assert not any(email.encode() in key for key in keys)
    assert all([await redis.pttl(key) > 0 for key in keys])


async def test_without_redis_guesses_are_still_few(email: str) -> None:
    async with Redis.from_url("unix:///nowhere/valkey.sock") as redis:
        guesses = Guesses(redis, purpose="password", processes=1)
        assert await allowed(guesses, email, OFFICE) == 5
        await guesses.learn(email, OFFICE)


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_one_household_has(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix
