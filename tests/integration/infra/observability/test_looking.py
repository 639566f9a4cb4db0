import asyncio
import threading
from typing import NoReturn

import pytest

from infra.observability.looking import InThread, Kept, NotAsItShould, look_at_all
from infra.observability.realm_calls import realm_class


async def never() -> None:
    await asyncio.Event().wait()


async def refused() -> NoReturn:
    raise ConnectionRefusedError("postgresql://oodaloo:secret@db/oodaloo")


async def well() -> int:
    return 7


async def test_parts_are_looked_at_side_by_side_and_what_hangs_is_told() -> None:
    async with asyncio.timeout(60):
        parts = await look_at_all({"a": never, "b": never, "c": refused, "d": well}, seconds=0.1)
    assert [(part.name, part.is_well, part.found) for part in parts] == [
        ("a", False, None), ("b", False, None), ("c", False, None), ("d", True, 7),
    ]  # fmt: skip
    assert parts[0].problem == "no answer within 0.1 s"
    assert parts[2].problem == "it does not answer (ConnectionRefusedError)"


async def test_however_many_ask_one_looks() -> None:
    looks = 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return looks

    kept = Kept(look, seconds=60)
    assert set(await asyncio.gather(*(kept.get() for _ in range(100)))) == {1}
    assert await kept.get() == 1
    kept.forget()
    assert await kept.get() == 2


async def test_one_who_leaves_takes_nobodys_answer_along() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def look() -> str:
        begun.set()
        await may_end.wait()
        return "here"

    kept = Kept(look, seconds=60)
    leaving, staying = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await begun.wait()
    leaving.cancel()
    may_end.set()
    assert await staying == "here"


async def test_a_thread_that_hangs_is_not_joined_by_a_second() -> None:
    may_end, entered = threading.Event(), []

    def look() -> str:
        entered.append(1)
        may_end.wait(10)
        return "done"

    in_thread = InThread(look)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await in_thread()
    for _ in range(3):
        with pytest.raises(NotAsItShould):
            await in_thread()
    may_end.set()
    while len(entered) == 1:
        try:
            assert await in_thread() == "done"
        except NotAsItShould:
            await asyncio.sleep(0.01)
    assert len(entered) == 2


def test_a_company_is_of_one_of_four_classes() -> None:
    assert [realm_class(size) for size in (None, 0, 999, 1_000, 19_999, 20_000)] == [
        "unknown", "small", "small", "medium", "medium", "large",
    ]  # fmt: skip
