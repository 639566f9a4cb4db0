"""One budget of calls for each realm, shared by every process through Redis and divided among lanes.

Two GCRAs (the minute and the second), calls in flight with leases, and a block after a 429: one script, Redis's clock.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from time import monotonic
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.errors import RailRateLimited
from infra.logging import get_logger
from infra.ratelimit.lanes import LANE_SHARES, Lane
from infra.ratelimit.limits import Limits
from infra.ratelimit.local_share import LocalShare

# A busy event loop (parsing a page of 1,000) can hold an answer back this long without Redis being at fault.
_REDIS_ANSWERS_WITHIN_SECONDS = 0.25
_REDIS_REST_SECONDS = 1.0
_MICROSECONDS = 1_000_000
_POLL_JITTER_SECONDS = 0.005

log = get_logger()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call. `is_degraded` says that Redis was down and the process used its own share."""

    waited_seconds: float
    is_degraded: bool


@dataclass(frozen=True, slots=True)
class _Refusal:
    wait_seconds: float
    reason: str


class RailLimiter:
    """`async with limiter.permit(realm_id, lane=Lane.USER, max_wait=…): <one HTTP call>`."""

    def __init__(self, redis: Redis, *, rail: str, limits: Limits) -> None:
        self._redis = redis
        self._rail = rail
        self._limits = limits
        self._permit_script = redis.register_script(_lua("permit.lua"))
        self._block_script = redis.register_script(_lua("block.lua"))
        self._local = LocalShare(limits)
        self._redis_rests_until = 0.0

    @asynccontextmanager
    async def permit(self, realm_id: str, *, lane: Lane, max_wait: timedelta) -> AsyncIterator[Permit]:
        """Wait for leave to make one call and hold its place until the block ends.

        Raises:
            RailRateLimited: the wait would pass `max_wait`; raised at once when that is known at once.
        """
        call = uuid4().hex
        started = monotonic()
        is_degraded: bool | None = None
        try:
            is_degraded = await self._wait_for_leave(
                realm_id, lane, call=call, until=started + max_wait.total_seconds()
            )
            yield Permit(waited_seconds=monotonic() - started, is_degraded=is_degraded)
        finally:
            if is_degraded:
                self._local.release(realm_id)
            else:
                # Also when the task was cancelled while asking: Redis may have admitted the call all the same.
                await self._release(realm_id, call)

    async def block(self, realm_id: str, *, seconds: float) -> None:
        """Let no process call this realm for a while: QBO said 429."""
        log.warning("ratelimit.realm.blocked", rail=self._rail, realm_id=realm_id, seconds=seconds)
        self._local.block(realm_id, seconds=seconds)
        try:
            async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                await self._block_script(keys=self._keys(realm_id)[:1], args=[round(seconds * _MICROSECONDS)])
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)

    async def _wait_for_leave(self, realm_id: str, lane: Lane, *, call: str, until: float) -> bool:
        """True when the leave comes from the process's own share."""
        while True:
            is_degraded, refusal = await self._ask(realm_id, lane, call=call)
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

    async def _ask(self, realm_id: str, lane: Lane, *, call: str) -> tuple[bool, _Refusal | None]:
        if monotonic() >= self._redis_rests_until:
            try:
                async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                    return False, await self._ask_redis(realm_id, lane, call=call)
            except (RedisError, OSError, TimeoutError) as error:
                self._rest_redis(error)
        if not LANE_SHARES[lane].may_degrade:
            return True, _Refusal(_REDIS_REST_SECONDS, "redis_down")
        wait = self._local.wait_seconds(realm_id)
        return True, _Refusal(wait, "own_share") if wait > 0 else None

    async def _ask_redis(self, realm_id: str, lane: Lane, *, call: str) -> _Refusal | None:
        limits, share = self._limits, LANE_SHARES[lane]
        interval = limits.interval_seconds
        admitted, wait, reason = await self._permit_script(
            keys=self._keys(realm_id),
            args=[
                call,
                round(interval * _MICROSECONDS),
                round(interval * max(1, limits.burst * share.burst_percent // 100) * _MICROSECONDS),
                round(_MICROSECONDS / limits.per_second),
                max(1, limits.in_flight - share.slots_kept_free),
                round(limits.lease.total_seconds() * _MICROSECONDS),
                share.stand_back_ms * 1000,
            ],
        )
        return None if int(admitted) else _Refusal(int(wait) / _MICROSECONDS, _as_text(reason))

    async def _release(self, realm_id: str, call: str) -> None:
        try:
            async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                await self._redis.zrem(self._keys(realm_id)[1], call)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_redis(error)  # the lease ends by itself

    def _rest_redis(self, error: Exception) -> None:
        self._redis_rests_until = monotonic() + _REDIS_REST_SECONDS
        log.warning("ratelimit.redis.unavailable", rail=self._rail, error=type(error).__name__)

    def _keys(self, realm_id: str) -> list[str]:
        # The braces keep both keys on one shard of a cluster.
        return [f"limit:{{{self._rail}:{realm_id}}}:state", f"limit:{{{self._rail}:{realm_id}}}:slots"]


def _lua(name: str) -> str:
    return (files("infra.ratelimit") / name).read_text(encoding="utf-8")


def _as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
