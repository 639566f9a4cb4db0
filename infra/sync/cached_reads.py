"""Reads of what is not mirrored: from the cache while it is good, from the rail when it is not, and always with their age."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError, RailNeedsReconnect, RailRejected
from infra.logging import get_logger
from infra.redaction import words_of
from infra.sync.alone import RailResting, late, patience_of, refresh_alone
from infra.sync.cache import Cached
from infra.sync.freshness import (
    NEVER_SHOWN_SILENTLY,
    Fetched,
    Freshness,
    FreshnessNeed,
    FreshnessSource,
    SyncStrategy,
)
from infra.sync.in_flight import Refreshed, RefreshesInFlight
from infra.sync.mirror_age import StaleRefused
from infra.sync.refresh_lease import RefreshLeases

log = get_logger()


@dataclass(frozen=True)
class Asked:
    """What a rail answered: JSON, the instant before the call, and the calls it took."""

    value: Any
    asked_at: datetime
    calls: int


Ask = Callable[[], Awaitable[Asked]]
_NOTHING = Refreshed(calls=0, is_own=False)


class CachedReads:
    """One business's.

    Args:
        find, keep: of its cache; `keep` takes key and value, and `asked_at`.
        check_grant: raises RailNeedsReconnect where the rail lets nobody in for this business, and asks it nothing.
        rest_seconds: as SmartSyncService has it.
    """

    def __init__(
        self,
        business_id: UUID,
        rail: Rail,
        *,
        find: Callable[[str], Awaitable[Cached | None]],
        keep: Callable[..., Awaitable[None]],
        uow: UnitOfWorkFactory,
        clock: Clock,
        in_flight: RefreshesInFlight,
        check_grant: Callable[[], Awaitable[object]],
        rest_seconds: Callable[[UUID], float | None],
    ) -> None:
        self._business_id = business_id
        self._rail = rail
        self._find = find
        self._keep = keep
        self._uow = uow
        self._clock = clock
        self._in_flight = in_flight
        self._check_grant = check_grant
        self._rest_seconds = rest_seconds

    async def get(self, key: str, ask: Ask, *, freshness: FreshnessNeed, max_age: timedelta | None) -> Fetched[Any]:
        """The answer kept under `key`, asked for anew when it is not good, or older than `max_age`.

        Raises:
            StaleRefused: there is none to show, or the strategy is `live`, and the rail did not answer in time.
            RailNeedsReconnect: there is none to show, or the strategy is `live`, and only a person can bring the access back.
            RailRejected: the rail refused the question itself.
        """
        found = await self._find(key)
        if found is not None and freshness.strategy is not SyncStrategy.LIVE and self._suits(found, max_age):
            return Fetched(found.value, self._freshness(found))
        try:
            refreshed, reason = await self._ask(key, ask, freshness)
        except RailNeedsReconnect as error:
            if found is None or freshness.strategy is SyncStrategy.LIVE:
                raise
            refreshed, reason = _NOTHING, words_of(error)
        found = await self._find(key)
        if found is None or (reason is not None and freshness.strategy is SyncStrategy.LIVE):
            raise StaleRefused(reason or "the answer was not kept")
        source = FreshnessSource.RAIL if refreshed.is_own else FreshnessSource.COALESCED
        if reason is not None:
            source = FreshnessSource.MIRROR
        return Fetched(found.value, self._freshness(found, source=source, calls=refreshed.calls, reason=reason))

    def _suits(self, found: Cached, max_age: timedelta | None) -> bool:
        return found.is_good and (max_age is None or self._clock.now() - found.asked_at <= max_age)

    async def _ask(self, key: str, ask: Ask, need: FreshnessNeed) -> tuple[Refreshed, str | None]:
        """The second is why there is nothing new."""
        # Before the lease is taken: its pause after a failure would tell the next reader to come back later.
        await self._check_grant()
        rest = self._rest_seconds(self._business_id)
        if rest:
            return _NOTHING, words_of(RailResting(self._rail, seconds=rest))
        flight, is_ours = self._in_flight.join(
            (self._business_id, f"{self._rail.value}:{key}"), lambda: self._ask_alone(key, ask, need.strategy)
        )
        wait = patience_of(need, rest=rest).total_seconds()
        try:
            async with asyncio.timeout(wait):
                refreshed = await asyncio.shield(flight.task)
        except TimeoutError:
            return _NOTHING, late(self._rail, wait)
        except (RailNeedsReconnect, RailRejected):
            raise
        except OodalooError as error:
            log.warning("sync.cached_read.failed", rail=self._rail, key=key, error=words_of(error))
            return _NOTHING, words_of(error)
        return (refreshed if is_ours else _NOTHING), None

    async def _ask_alone(self, key: str, ask: Ask, strategy: SyncStrategy) -> Refreshed:
        async def refresh() -> int:
            asked = await ask()
            await self._keep(key, asked.value, asked_at=asked.asked_at)
            return asked.calls

        leases = RefreshLeases(self._uow, self._business_id, self._rail, purpose=f"cache.{key}")
        return await refresh_alone(leases, self._rail, refresh, strategy=strategy, clock=self._clock)

    def _freshness(
        self,
        found: Cached,
        *,
        source: FreshnessSource = FreshnessSource.MIRROR,
        calls: int = 0,
        reason: str | None = None,
    ) -> Freshness:
        age = max(self._clock.now() - found.asked_at, timedelta(0))
        is_old = age > NEVER_SHOWN_SILENTLY
        return Freshness(
            as_of=found.asked_at,
            age_seconds=int(age.total_seconds()),
            source=source,
            calls_spent=calls,
            stale=reason is not None,
            reason=reason or ("this was last asked for more than a day ago" if is_old else None),
        )
