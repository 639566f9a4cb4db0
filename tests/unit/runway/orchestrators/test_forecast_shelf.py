"""What is written behind those who have it already."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from infra.ids import new_id
from runway.orchestrators.forecast_shelf import ForecastShelf


def writer(log: list[str], name: str, *, until: asyncio.Event | None = None) -> Callable[[], Awaitable[None]]:
    async def keep() -> None:
        log.append(f"{name} begins")
        if until is not None:
            await until.wait()
        log.append(f"{name} ends")

    return keep


async def test_one_writes_at_a_time_and_of_those_that_wait_the_latest() -> None:
    shelf, business, other, log, go = ForecastShelf(), new_id(), new_id(), list[str](), asyncio.Event()
    shelf.write(business, writer(log, "first", until=go))
    await asyncio.sleep(0)
    for name in ("second", "third"):
        shelf.write(business, writer(log, name))
    shelf.write(other, writer(log, "other"))
    await shelf.written(other)
    assert log == ["first begins", "other begins", "other ends"]
    go.set()
    await shelf.written(business)
    assert log[3:] == ["first ends", "third begins", "third ends"]
    await shelf.written(business)  # nothing is left


async def test_a_closing_process_finishes_what_it_writes() -> None:
    shelf, business, log, go = ForecastShelf(), new_id(), list[str](), asyncio.Event()
    shelf.write(business, writer(log, "first", until=go))
    await asyncio.sleep(0)
    shelf.write(business, writer(log, "second"))
    asyncio.get_running_loop().call_soon(go.set)
    await shelf.close()
    assert log == ["first begins", "first ends", "second begins", "second ends"]


async def test_what_cannot_be_written_is_told_to_who_waits_for_it_and_stops_nobody() -> None:
    tried = 0

    async def fail() -> None:
        nonlocal tried
        tried += 1
        raise OSError("no room")

    shelf, business, log = ForecastShelf(), new_id(), list[str]()
    shelf.write(business, fail)
    for times in (1, 2):
        with pytest.raises(OSError, match="no room"):
            await shelf.written(business)
        assert tried == times, "the next who wants it kept tries again"
    shelf.write(business, writer(log, "next"))
    await shelf.settled()
    assert log == ["next begins", "next ends"]
