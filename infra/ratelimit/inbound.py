"""How much others may ask of us: buckets (an address, a token, a business) shared by every process through Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from infra.ratelimit.brief import BriefScript
from infra.ratelimit.own_share import OwnShare

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in each `period`, of which `burst` may come at once."""

    count: int
    period: timedelta
    burst: int

    @property
    def interval_seconds(self) -> float:
        return self.period.total_seconds() / self.count

    @property
    def tolerance_seconds(self) -> float:
        return self.interval_seconds * self.burst

    @classmethod
    def per_minute(cls, count: int, *, burst_percent: int = 100) -> "Rate":
        return cls(count, timedelta(minutes=1), max(1, count * burst_percent // 100))


@dataclass(frozen=True, slots=True)
class Charge:
    """One request on one bucket. `bucket` names the limit and whose it is; no secret, for Redis keeps it."""

    bucket: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Full:
    """A bucket without room."""

    bucket: str
    retry_after_seconds: float


class InboundLimiter:
    """One round trip for all the buckets of a request. While Redis is down each of `processes` keeps to its part."""

    def __init__(self, redis: Redis, *, processes: int) -> None:
        self._script = BriefScript(redis, "inbound.lua")
        self._own = OwnShare(processes)

    async def admit(self, charges: Sequence[Charge]) -> Full | None:
        """None: there was room in all, and all are charged. Otherwise the fullest, and none is charged."""
        args: list[int] = []
        for charge in charges:
            rate = charge.rate
            args += (round(rate.interval_seconds * _MICROSECONDS), round(rate.tolerance_seconds * _MICROSECONDS))
        # The braces keep all keys of a call on one shard of a cluster.
        answer = await self._script.run([f"limit:{{inbound}}:{charge.bucket}" for charge in charges], args)
        if answer is None:
            return self._admit_here(charges)
        fullest, wait = int(answer[0]), int(answer[1])
        return Full(charges[fullest - 1].bucket, wait / _MICROSECONDS) if fullest else None

    def _admit_here(self, charges: Sequence[Charge]) -> Full | None:
        waits = self._own.admit(
            [(one.bucket, one.rate.interval_seconds, one.rate.tolerance_seconds) for one in charges]
        )
        longest = max(waits, default=0.0)
        return Full(charges[waits.index(longest)].bucket, longest) if longest > 0 else None
