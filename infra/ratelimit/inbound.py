"""How much others may ask of us: buckets (an address, a token, a business) shared by every process through Redis."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from redis.asyncio import Redis

from infra.ratelimit.brief import BriefScript
from infra.ratelimit.own_share import OwnShare

_MICROSECONDS = 1_000_000
_SETTLED_WITHIN_SECONDS = 0.02
_KNOWN_FOR_SECONDS = 0.1
_MOST_KNOWN = 20_000
_SMALL_BURST = 50


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
    """Buckets in Redis. While Redis is down each of `processes` keeps to its part.

    A bucket that is less than half full, by what Redis last said and this process has charged since, is charged in its memory and
    told to Redis some milliseconds later, many requests in one call. One that is fuller, or small, is asked for in Redis each
    time: what is let in beyond a limit is less than the half that was free.
    """

    def __init__(self, redis: Redis, *, processes: int) -> None:
        self._script = BriefScript(redis, "inbound.lua")
        self._settle_script = BriefScript(redis, "inbound_settle.lua")
        self._own = OwnShare(processes)
        self._known = KnownRoom()
        self._settling: asyncio.Task[None] | None = None

    async def admit(self, charges: Sequence[Charge]) -> Full | None:
        """None: there was room in all, and all are charged. Otherwise the fullest, and none is charged."""
        if self._known.take(charges):
            if self._settling is None:
                self._settling = asyncio.create_task(self._settle())
            return None
        if self._known.has_untold(charges):
            await self._tell()
        answer = await self._script.run([_key(charge) for charge in charges], _rates_of(charges))
        if answer is None:
            return self._admit_here(charges)
        fullest, wait, *ahead = map(int, answer)
        if fullest:
            return Full(charges[fullest - 1].bucket, wait / _MICROSECONDS)
        self._known.learn(charges, [microseconds / _MICROSECONDS for microseconds in ahead])
        return None

    async def close(self) -> None:
        """Tell Redis what it has not been told yet."""
        if self._settling is not None:
            await self._settling

    async def _settle(self) -> None:
        try:
            await asyncio.sleep(_SETTLED_WITHIN_SECONDS)
        finally:
            self._settling = None
        await self._tell()

    async def _tell(self) -> None:
        taken = self._known.untold()
        charges = [charge for charge, _ in taken]
        args = [value for charge, count in taken for value in (_interval(charge.rate), count)]
        answer = await self._settle_script.run([_key(charge) for charge in charges], args)
        if answer is None:
            self._known.forget()
        else:
            self._known.learn(charges, [int(microseconds) / _MICROSECONDS for microseconds in answer])

    def _admit_here(self, charges: Sequence[Charge]) -> Full | None:
        waits = self._own.admit(
            [(one.bucket, one.rate.interval_seconds, one.rate.tolerance_seconds) for one in charges]
        )
        longest = max(waits, default=0.0)
        return Full(charges[waits.index(longest)].bucket, longest) if longest > 0 else None


class KnownRoom:
    """How far each bucket ran ahead of its rate when Redis last said, and what was charged here since."""

    def __init__(self) -> None:
        self._ahead: dict[str, tuple[float, float]] = {}  # seconds ahead, and when that was
        self._taken: dict[str, tuple[Charge, int]] = {}

    def take(self, charges: Sequence[Charge]) -> bool:
        """Charge all, if each is known to be less than half full; otherwise none."""
        now = monotonic()
        for charge in charges:
            known = self._ahead.get(charge.bucket)
            if known is None or charge.rate.burst < _SMALL_BURST or now - known[1] > _KNOWN_FOR_SECONDS:
                return False
            taken = self._taken.get(charge.bucket)
            here = (taken[1] if taken else 0) + 1
            ahead = max(known[0] - (now - known[1]), 0.0) + here * charge.rate.interval_seconds
            if ahead > charge.rate.tolerance_seconds / 2:
                return False
        for charge in charges:
            taken = self._taken.get(charge.bucket)
            self._taken[charge.bucket] = (charge, (taken[1] if taken else 0) + 1)
        return True

    def learn(self, charges: Sequence[Charge], ahead: Sequence[float]) -> None:
        now = monotonic()
        if len(self._ahead) >= _MOST_KNOWN:
            self._ahead.clear()
        for charge, seconds in zip(charges, ahead, strict=True):
            self._ahead[charge.bucket] = (seconds, now)

    def has_untold(self, charges: Sequence[Charge]) -> bool:
        return any(charge.bucket in self._taken for charge in charges)

    def untold(self) -> list[tuple[Charge, int]]:
        """What Redis is to be told now; from here on it counts as told."""
        taken, self._taken = list(self._taken.values()), {}
        return taken

    def forget(self) -> None:
        self._ahead.clear()


def _key(charge: Charge) -> str:
    # The braces keep all keys of a call on one shard of a cluster.
    return f"limit:{{inbound}}:{charge.bucket}"


def _interval(rate: Rate) -> int:
    return round(rate.interval_seconds * _MICROSECONDS)


def _rates_of(charges: Sequence[Charge]) -> list[int]:
    return [
        value
        for charge in charges
        for value in (_interval(charge.rate), round(charge.rate.tolerance_seconds * _MICROSECONDS))
    ]
