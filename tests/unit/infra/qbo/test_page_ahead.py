"""A page read ahead: in order, and never left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from infra.qbo.page_ahead import one_ahead


class Clinging:
    """Two pages at once; a third that takes its time to end when it is called off."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.called_off = asyncio.Event()
        self.ended = False

    async def pages(self) -> AsyncIterator[int]:
        yield 1
        yield 2
        self.asked.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.called_off.set()
            await asyncio.sleep(0.05)
            self.ended = True
            raise


async def test_pages_come_in_order() -> None:
    async def pages() -> AsyncIterator[int]:
        for page in (1, 2, 3):
            yield page

    assert [page async for page in one_ahead(pages())] == [1, 2, 3]


async def test_whoever_stops_early_waits_for_the_call_under_way() -> None:
    rail = Clinging()
    with suppress(ZeroDivisionError):
        async with aclosing(one_ahead(rail.pages())) as ahead:
            async for page in ahead:
                if page == 2:
                    await rail.asked.wait()
                    raise ZeroDivisionError
    assert rail.ended


async def test_cut_off_again_while_it_waits_the_call_is_still_not_left_behind() -> None:
    rail = Clinging()

    async def read() -> None:
        async with aclosing(one_ahead(rail.pages())) as ahead:
            async for page in ahead:
                if page == 2:
                    await rail.asked.wait()
                    raise ZeroDivisionError

    reading = asyncio.create_task(read())
    await rail.called_off.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert rail.ended
