"""One budget of calls for each realm, shared by every process through Redis and divided among lanes.

Two GCRAs (the minute and the second), calls in flight with leases, and a block after a 429: one script, Redis's clock.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.errors import RailRateLimited
from infra.logging import get_logger
from infra.ratelimit.held_calls import HeldCalls
from infra.ratelimit.lanes import LANE_SHARES, Lane
from infra.ratelimit.limits import Bucket, Limits
from infra.ratelimit.local_share import LocalShare
from infra.ratelimit.shared_share import Refusal, SharedShare, Untold

_REDIS_ANSWERS_WITHIN_SECONDS = 0.25
_REDIS_REST_SECONDS = 1.0
_POLL_JITTER_SECONDS = 0.005

T = TypeVar("T")

log = get_logger()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call. `is_degraded` says that Redis was down and the process used its own share."""

    waited_seconds: float
    is_degraded: bool


class RailLimiter:
    """`async with limiter.permit(realm_id, lane=Lane.USER, max_wait=…): <one HTTP call>`."""

    def __init__(self, redis: Redis, *, rail: str, limits: Limits, app: str = "") -> None:
        self._rail = rail
        self._shared = SharedShare(redis, rail=rail, app=app, limits=limits)
        self._local = LocalShare(limits)
        self._held = HeldCalls(renew=self._renew, release=self._release)
        self._redis_rests_until = 0.0
        self._is_redis_gone = False

    async def begin(self) -> None:
        """At a process's start: a new Redis begins to count now and not at the first call."""
        try:
            await _promptly(self._shared.begin)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)

    @asynccontextmanager
    async def permit(
        self, realm_id: str, *, lane: Lane, max_wait: timedelta, bucket: Bucket = Bucket.CALL
    ) -> AsyncIterator[Permit]:
        """Wait for leave to make one call and hold its place until the block ends.

        Raises:
            RailRateLimited: the wait would pass `max_wait`; raised at once when that is known at once.
        """
        call = uuid4().hex
        started = monotonic()
        is_degraded: bool | None = None
        try:
            until = started + max_wait.total_seconds()
            is_degraded = await self._wait_for_leave(realm_id, lane, bucket=bucket, call=call, until=until)
            self._held.begin(realm_id, call)
            yield Permit(waited_seconds=monotonic() - started, is_degraded=is_degraded)
        finally:
            self._held.end(realm_id, call)
            # Also when the task was cancelled while asking: Redis may have admitted the call all the same.
            await self._release(realm_id, call)

    async def block(self, realm_id: str, *, seconds: float) -> None:
        """Let no process call this realm for a while: the rail said 429."""
        log.warning("ratelimit.realm.blocked", rail=self._rail, realm_id=realm_id, seconds=seconds)
        self._local.block(realm_id, seconds=seconds)
        try:
            await _promptly(lambda: self._shared.block(realm_id, seconds=seconds))
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)

    async def _wait_for_leave(self, realm_id: str, lane: Lane, *, bucket: Bucket, call: str, until: float) -> bool:
        """True when the leave comes from the process's own share."""
        while True:
            is_degraded, refusal = await self._ask(realm_id, lane, bucket=bucket, call=call)
            if refusal is None:
                return is_degraded
            wait = refusal.wait_seconds
            left = until - monotonic()
            if wait > left:
                raise RailRateLimited(
                    f"The shared limit of calls to {self._rail} has no room ({refusal.reason}).",
                    retry_after_seconds=max(wait, 0.1),
                )
            await asyncio.sleep(min(wait + random.uniform(0, _POLL_JITTER_SECONDS), left))  # noqa: S311 - spreads waiters

    async def _ask(self, realm_id: str, lane: Lane, *, bucket: Bucket, call: str) -> tuple[bool, Refusal | None]:
        if monotonic() >= self._redis_rests_until:
            try:
                return False, await _promptly(lambda: self._ask_redis(realm_id, lane, bucket=bucket, call=call))
            except (RedisError, OSError, TimeoutError) as error:
                self._rest_redis(error)
        if not LANE_SHARES[lane].may_degrade:
            return True, Refusal(_REDIS_REST_SECONDS, "redis_down")
        wait = self._local.wait_seconds(realm_id, bucket=bucket, in_flight=self._held.count(realm_id))
        return True, Refusal(wait, "own_share") if wait > 0 else None

    async def _ask_redis(self, realm_id: str, lane: Lane, *, bucket: Bucket, call: str) -> Refusal | None:
        made = self._local.made(realm_id)
        untold = Untold(made, self._local.blocked_seconds(realm_id))
        refusal = await self._shared.ask(realm_id, lane, bucket=bucket, call=call, untold=untold)
        self._local.told(realm_id, made)
        self._is_redis_gone = False
        return refusal

    async def _renew(self, realm_id: str, calls: Sequence[str]) -> None:
        if monotonic() < self._redis_rests_until:
            return
        try:
            await _promptly(lambda: self._shared.renew(realm_id, calls))
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)

    async def _release(self, realm_id: str, call: str) -> None:
        if monotonic() < self._redis_rests_until:
            return  # the lease ends by itself
        try:
            await _promptly(lambda: self._shared.release(realm_id, call))
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)

    def _rest_redis(self, error: Exception) -> None:
        self._redis_rests_until = monotonic() + _REDIS_REST_SECONDS
        if not self._is_redis_gone:
            self._is_redis_gone = True
            self._local.begin()
        log.warning("ratelimit.redis.unavailable", rail=self._rail, error=type(error).__name__)


async def _promptly(ask: Callable[[], Awaitable[T]]) -> T:
    """Redis's answer; asked twice, as the event loop itself may have been busy while the first one came.

    Raises:
        RedisError, OSError, TimeoutError: there is none.
    """
    try:
        async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
            return await ask()
    except TimeoutError:
        async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
            return await ask()
