"""Refreshes that readers share: one under way at a time, and never one that has ended."""

import asyncio
from uuid import uuid4

from infra.sync.in_flight import Flight, Refreshed, RefreshesInFlight

KEY = (uuid4(), "qbo")


async def refreshed() -> Refreshed:
    return Refreshed(calls=1, is_own=True)


async def test_who_comes_while_one_is_under_way_shares_it() -> None:
    flights = RefreshesInFlight()
    (first, is_mine), (second, is_mine_too) = flights.join(KEY, refreshed), flights.join(KEY, refreshed)
    assert (second is first, is_mine, is_mine_too) == (True, True, False)
    await first.task
    await asyncio.sleep(0)
    third, is_mine = flights.join(KEY, refreshed)
    assert (third.number, is_mine) == (first.number + 1, True)
    await third.task


async def test_one_that_has_ended_is_not_joined_though_nobody_was_told_yet() -> None:
    """Between a task's end and its callbacks others run. Awaited there it gives way to nobody: asked for again, without end."""
    flights, met = RefreshesInFlight(), list[tuple[Flight, bool]]()

    async def ends_with_somebody_at_the_door() -> Refreshed:
        asyncio.get_running_loop().call_soon(lambda: met.append(flights.join(KEY, refreshed)))
        return await refreshed()

    first, _ = flights.join(KEY, ends_with_somebody_at_the_door)
    await first.task
    ((second, is_mine),) = met
    assert (second.number, is_mine) == (first.number + 1, True)
    joined, is_mine = flights.join(KEY, refreshed)
    assert (joined is second, is_mine) == (True, False), "the end of the first took the second away"
    await second.task
