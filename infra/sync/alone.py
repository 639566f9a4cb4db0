"""Fetching from a rail alone over all processes: one does, the others wait for how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from infra.clock import Clock
from infra.config import Rail
from infra.errors import RailUnavailable
from infra.redaction import words_of
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from infra.sync.in_flight import Refreshed
from infra.sync.refresh_lease import RefreshLeases

Refresh = Callable[[], Awaitable[int | None]]
"""Asks the rail; the calls it cost, or None where nothing was left to ask."""


class RefreshFailedBefore(RailUnavailable):
    """A refresh failed moments ago, here or in another process; the rail is not asked again at once."""

    def __init__(self, rail: Rail, error: str | None) -> None:
        super().__init__(error or f"{rail.value} could not be read a moment ago")


class RailResting(RailUnavailable):
    """The rail kept failing: it is left alone, and nobody waits for it."""

    def __init__(self, rail: Rail, *, seconds: float) -> None:
        super().__init__(f"{rail.value} keeps failing and is not asked again for {max(1, round(seconds))} s")


def patience_of(need: FreshnessNeed, *, rest: float | None) -> timedelta:
    """How long a caller waits. Nobody waits for the call that finds out whether the rail is back, but who takes nothing stale."""
    is_doubtful = rest is not None and need.strategy is SyncStrategy.ON_DEMAND
    return timedelta(0) if is_doubtful else need.wait


def late(rail: Rail, waited_seconds: float) -> str:
    """Why there is nothing newer after a wait in vain."""
    if waited_seconds == 0:
        return f"{rail.value} is being asked; this is what was known before"
    return f"{rail.value} did not answer within {waited_seconds:g} s"


async def refresh_alone(
    leases: RefreshLeases,
    rail: Rail,
    refresh: Refresh,
    *,
    strategy: SyncStrategy,
    clock: Clock,
) -> Refreshed:
    """Refresh, or wait for the process that does.

    Raises:
        RailUnavailable: the other's failed, or the last one did, moments ago.
        RailError: as the refresh itself.
    """
    is_insistent = strategy is SyncStrategy.LIVE
    while True:
        fence = await leases.take(strategy=strategy.value, now=clock.now(), is_insistent=is_insistent)
        if fence is not None:
            return await _refresh_under(leases, fence, refresh, clock=clock)
        standing = await leases.look()
        if standing is not None and not standing.is_under_way and standing.next_attempt_at is not None:
            raise RefreshFailedBefore(rail, standing.error)
        ended = await leases.wait_for_end()
        if standing is None or ended is None or ended.fence != standing.fence:
            continue
        if ended.error is not None:
            raise RefreshFailedBefore(rail, ended.error)
        if ended.is_finished:
            return Refreshed(calls=0, is_own=False)


async def _refresh_under(leases: RefreshLeases, fence: int, refresh: Refresh, *, clock: Clock) -> Refreshed:
    try:
        async with leases.kept(fence):
            calls = await refresh()
    except (Exception, asyncio.CancelledError) as error:
        await leases.finish(fence, calls=0, now=clock.now(), error=words_of(error))
        raise
    await leases.finish(fence, calls=calls or 0, now=clock.now())
    return Refreshed(calls=calls or 0, is_own=calls is not None)
