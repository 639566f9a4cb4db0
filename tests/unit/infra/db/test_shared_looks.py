"""Every answer is of a look that began after it was asked for, and one look at a time is under way for each key."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from infra.db.shared_looks import SharedLooks


class Sight:
    """What is looked at: each look takes a while, and tells the moment it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.fails = False

    async def look(self) -> int:
        self.begun += 1
        number = self.begun
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            await self.goes_on.wait()
        finally:
            self.at_once -= 1
        if self.fails:
            raise RuntimeError(number)
        return number


async def asked(looks: SharedLooks[int], look: Callable[[], Awaitable[int]], key: str = "a") -> "asyncio.Task[int]":
    task = asyncio.create_task(looks.look(key, look))
    await asyncio.sleep(0)
    return task


async def test_who_comes_during_a_look_shares_the_next_one() -> None:
    looks, sight = SharedLooks[int](), Sight()
    sight.goes_on.clear()
    first = await asked(looks, sight.look)
    later = [await asked(looks, sight.look) for _ in range(5)]
    other = await asked(looks, sight.look, "b")
    await asyncio.sleep(0)
    assert sight.begun == 2  # of a and of b
    sight.goes_on.set()
    assert (await first, await other, [await one for one in later]) == (1, 2, [3] * 5)
    assert await looks.look("a", sight.look) == 4


async def test_a_look_that_fails_fails_for_those_who_share_it_alone() -> None:
    looks, sight = SharedLooks[int](), Sight()
    sight.fails = True
    sight.goes_on.clear()
    first, *later = [await asked(looks, sight.look) for _ in range(3)]
    sight.goes_on.set()
    for task, number in ((first, 1), (later[0], 2), (later[1], 2)):
        with pytest.raises(RuntimeError, match=str(number)):
            await task
    sight.fails = False
    assert await looks.look("a", sight.look) == 3


@pytest.mark.parametrize("leaving", [{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 1, 2}])
async def test_who_leaves_takes_nobody_with_them(leaving: set[int]) -> None:
    looks, sight = SharedLooks[int](), Sight()
    sight.goes_on.clear()
    tasks = [await asked(looks, sight.look) for _ in range(3)]
    for at in leaving:
        tasks[at].cancel()
    await asyncio.sleep(0)
    sight.goes_on.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for at, result in enumerate(ended):
        assert isinstance(result, asyncio.CancelledError) if at in leaving else result in {1, 2}
    async with asyncio.timeout(1):
        assert await looks.look("a", sight.look) >= 2
    assert sight.most_at_once == 1


@pytest.mark.parametrize("seed", range(20))
async def test_no_answer_is_of_a_look_that_began_before_it_was_asked_for(seed: int) -> None:
    chance, looks, sights = Random(seed), SharedLooks[int](), {"a": Sight(), "b": Sight()}  # noqa: S311  # no secret hangs on it

    async def ask(key: str, *, pause: int) -> None:
        for _ in range(pause):
            await asyncio.sleep(0)
        begun_before = sights[key].begun
        assert await looks.look(key, sights[key].look) > begun_before

    tasks = [asyncio.create_task(ask(chance.choice("ab"), pause=chance.randrange(60))) for _ in range(300)]
    for task in chance.sample(tasks, 40):
        await asyncio.sleep(0)
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in ended if one is not None and not isinstance(one, asyncio.CancelledError)] == []
    assert {sight.most_at_once for sight in sights.values()} == {1}
    assert sum(sight.begun for sight in sights.values()) < 200  # many were shared
