"""The limits as Redis keeps them for all processes: one script a call, Redis's clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from infra.ratelimit.lanes import LANE_SHARES, Lane
from infra.ratelimit.limits import Bucket, Limits

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Refusal:
    wait_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Untold:
    """What this process knows and Redis may not: calls it made alone, and for how long a realm is blocked."""

    calls: int = 0
    blocked_seconds: float = 0.0


class SharedShare:
    """`app` is whose limits they are where a rail counts by app; `elapsed` is a clock that nobody moves, in seconds."""

    def __init__(
        self, redis: Redis, *, rail: str, app: str, limits: Limits, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._redis = redis
        self._elapsed = elapsed
        self._app = app
        self._limits = limits
        # The braces keep all keys of a rail on one shard of a cluster: one script touches several.
        self._prefix = f"limit:{{{rail}}}"
        self._permit = _lua("permit.lua")
        self._permit_digest = sha1(self._permit.encode(), usedforsecurity=False).hexdigest()
        self._block_script = redis.register_script(_lua("block.lua"))
        self._renew_script = redis.register_script(_lua("renew.lua"))
        self._ahead: float | None = None  # seconds by which Redis's clock is ahead of this process's

    async def begin(self) -> None:
        """Let Redis count from now, unless it does already: what it was not asked for before is taken for called."""
        if not (await self._redis.script_exists(self._permit_digest))[0]:
            await self._load()

    async def ask(self, realm_id: str, lane: Lane, *, bucket: Bucket, call: str, untold: Untold) -> Refusal | None:
        """None: the call may be made and counts.

        Raises:
            RedisError, OSError: Redis did not answer; whether the call counts is unknown.
        """
        keys = [f"{self._prefix}:{realm_id}:state", self._slots(realm_id), f"{self._prefix}:begun"]
        arguments = self._arguments(lane, bucket, call=call, untold=untold)
        try:
            answer = await self._redis.evalsha(self._permit_digest, len(keys), *keys, *arguments)
        except NoScriptError:  # it was restarted, and may have come back with books of yesterday
            await self._load()
            answer = await self._redis.evalsha(self._permit_digest, len(keys), *keys, *arguments)
        admitted, wait, reason, now = answer
        self._ahead = int(now) / _MICROSECONDS - self._elapsed()
        return None if int(admitted) else Refusal(int(wait) / _MICROSECONDS, _as_text(reason))

    async def release(self, realm_id: str, call: str) -> None:
        await self._redis.zrem(self._slots(realm_id), call)

    async def renew(self, realm_id: str, calls: Sequence[str]) -> None:
        """Their leases begin anew, also where Redis has forgotten them."""
        lease = round(self._limits.lease.total_seconds() * _MICROSECONDS)
        await self._renew_script(keys=[self._slots(realm_id)], args=[lease, *calls])

    async def block(self, realm_id: str, *, seconds: float) -> None:
        await self._block_script(keys=[f"{self._prefix}:{realm_id}:state"], args=[round(seconds * _MICROSECONDS)])

    def _arguments(self, lane: Lane, bucket: Bucket, *, call: str, untold: Untold) -> list[str | int]:
        limits, share = self._limits, LANE_SHARES[lane]
        arguments: list[str | int] = [
            call,
            0 if self._ahead is None else round((self._elapsed() + self._ahead) * _MICROSECONDS),
            untold.calls,
            round(untold.blocked_seconds * _MICROSECONDS),
            max(1, limits.in_flight - share.slots_kept_free),
            round(limits.lease.total_seconds() * _MICROSECONDS),
            share.stand_back_ms * 1000,
            f"second:{self._app}",
            round(_MICROSECONDS / limits.per_second),
        ]
        for one, rate in limits.rates(bucket):
            interval = rate.interval_seconds * _MICROSECONDS
            arguments += (
                "minute" if one is Bucket.CALL else f"{one.value}:{self._app}",
                round(interval),
                round(interval * max(1, rate.burst * share.burst_percent // 100)),
                round(interval * rate.burst),
            )
        return arguments

    async def _load(self) -> None:
        """The script is not there: a new server. The mark goes before the script comes, so that nobody is let in between."""
        await self._redis.delete(f"{self._prefix}:begun")
        await self._redis.script_load(self._permit)

    def _slots(self, realm_id: str) -> str:
        return f"{self._prefix}:{realm_id}:slots:{self._app}"


def _lua(name: str) -> str:
    return (files("infra.ratelimit") / name).read_text(encoding="utf-8")


def _as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
