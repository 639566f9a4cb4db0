"""Whether a rail is asked at all just now: a circuit for each account and way, and one for the rail as a whole.

State is this process's own. Redis carries two hints to the others: that a circuit is open, and that somebody probes it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from enum import StrEnum
from time import monotonic
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.errors import RailUnavailable
from infra.logging import get_logger
from infra.ratelimit.circuit import Circuit
from infra.ratelimit.retry_budget import RetryBudget

_REDIS_ANSWERS_WITHIN_SECONDS = 0.1
_REDIS_REST_SECONDS = 1.0
_PROBE_SECONDS = 35.0  # longer than a call lasts; a process that dies probing holds the others back so long
_MOST_CIRCUITS = 10_000
_WHOLE_RAIL = "*"
_ACCOUNTS_OF_AN_OUTAGE = 2

T = TypeVar("T")

log = get_logger()


class Way(StrEnum):
    """Reads and writes fail apart: a rail whose books are locked for writing still answers."""

    READ = "read"
    WRITE = "write"


class CircuitOpen(RailUnavailable):
    """The rail failed too often a moment ago: nothing was sent.

    Attributes:
        retry_after_seconds: until the next call may try.
    """

    def __init__(self, rail: str, *, retry_after_seconds: float) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{rail} has been failing and is not asked again for {max(1, round(retry_after_seconds))} s")


class Watched:
    """One call. Unless it is told how the call ended, the call says nothing about the rail."""

    def __init__(self) -> None:
        self.has_succeeded: bool | None = None

    def succeeded(self) -> None:
        """The rail answered, be it with a refusal."""
        self.has_succeeded = True

    def failed(self) -> None:
        """No connection, no answer in time, or one that says that the rail is out of order."""
        self.has_succeeded = False


class RailBreaker:
    """`async with breaker.watch(account, way=Way.READ) as call:` around each attempt; `retries` bounds those of all calls together."""

    def __init__(self, redis: Redis | None, *, rail: str) -> None:
        self._redis = redis
        self._rail = rail
        self._circuits: dict[str, Circuit] = {}
        self._redis_rests_until = 0.0
        self.retries = RetryBudget()

    def wait_seconds(self, account: str, way: Way = Way.READ) -> float:
        """How long no call may be made to this account, as far as this process knows. Asks nobody."""
        found = (self._circuits.get(name) for name in _names(account, way))
        return max((circuit.wait_seconds() for circuit in found if circuit), default=0.0)

    def standing(self) -> dict[str, int]:
        """How many circuits are closed, open, and open with room for a probe; of this process."""
        found = {"closed": 0, "open": 0, "half_open": 0}
        for circuit in self._circuits.values():
            is_resting = circuit.wait_seconds() > 0
            found["closed" if circuit.is_closed else "open" if is_resting else "half_open"] += 1
        return found

    def rest_seconds(self, account: str) -> float | None:
        """As `wait_seconds`, of reads; None while all is well, 0 when the next call is a probe."""
        found = [circuit for name in _names(account, Way.READ) if (circuit := self._circuits.get(name))]
        return None if all(circuit.is_closed for circuit in found) else self.wait_seconds(account)

    async def hear(self, account: str, *, way: Way) -> None:
        """Learn which circuits other processes found open. Whoever needs leave for the call hears first: leave does not keep."""
        await self._take_hints({name: self._circuit(name) for name in _names(account, way)})

    @asynccontextmanager
    async def watch(self, account: str, *, way: Way, has_heard: bool = False) -> AsyncIterator[Watched]:
        """Let a call through, as the one probe where a circuit is open. `has_heard`: what the others found is known already.

        Raises:
            CircuitOpen: at once; nothing may be sent now.
        """
        circuits = {name: self._circuit(name) for name in _names(account, way)}
        if not has_heard:
            await self._take_hints(circuits)
        wait = max(circuit.wait_seconds() for circuit in circuits.values())
        if wait > 0:
            raise CircuitOpen(self._rail, retry_after_seconds=wait)
        probed = {name: circuit for name, circuit in circuits.items() if not circuit.is_closed}
        for circuit in probed.values():
            circuit.begin_probe(seconds=_PROBE_SECONDS)
        call = Watched()
        try:
            await self._claim_probes(probed)
            yield call
        finally:
            await self._conclude(account, call, circuits, probed)

    async def _conclude(
        self, account: str, call: Watched, circuits: dict[str, Circuit], probed: dict[str, Circuit]
    ) -> None:
        match call.has_succeeded:
            case True:
                self.retries.earn()
                for circuit in circuits.values():
                    circuit.succeed()
                await self._forget(*(key for name in probed for key in (self._key(name), self._probe_key(name))))
            case False:
                for name, circuit in circuits.items():
                    pause = circuit.fail(account, was_probe=name in probed)
                    if pause is not None:
                        log.warning("breaker.opened", rail=self._rail, circuit=name, seconds=pause)
                        await self._set(self._key(name), milliseconds=int(pause * 1000))
                await self._forget(*map(self._probe_key, probed))
            case None:
                for circuit in probed.values():
                    circuit.drop_probe()
                await self._forget(*map(self._probe_key, probed))

    def _circuit(self, name: str) -> Circuit:
        if name not in self._circuits and len(self._circuits) >= _MOST_CIRCUITS:
            self._circuits = {known: one for known, one in self._circuits.items() if not one.is_forgettable}
        fewest = _ACCOUNTS_OF_AN_OUTAGE if name == _WHOLE_RAIL else 1
        return self._circuits.setdefault(name, Circuit(fewest_accounts=fewest))

    async def _take_hints(self, circuits: dict[str, Circuit]) -> None:
        """Open here what another process found open."""
        if not all(circuit.is_closed for circuit in circuits.values()):
            return
        for name, milliseconds in zip(circuits, await self._ask_redis(*circuits), strict=True):
            if milliseconds > 0:
                circuits[name].hold_open(milliseconds / 1000)

    async def _claim_probes(self, probed: dict[str, Circuit]) -> None:
        """Be the one of all processes that probes, or none.

        Raises:
            CircuitOpen: another does.
        """
        claimed: list[str] = []
        for name in list(probed):
            if await self._set(self._probe_key(name), milliseconds=int(_PROBE_SECONDS * 1000), only_new=True):
                claimed.append(name)
                continue
            for unclaimed in probed.keys() - claimed:
                probed.pop(unclaimed).drop_probe()
            raise CircuitOpen(self._rail, retry_after_seconds=1.0)

    async def _ask_redis(self, *names: str) -> list[int]:
        pipeline = self._redis.pipeline(transaction=False) if self._redis is not None else None
        if pipeline is None:
            return [0] * len(names)
        for name in names:
            pipeline.pttl(self._key(name))
        left = await self._within_limits(pipeline.execute())
        return [0] * len(names) if left is None else [int(one) for one in left]

    async def _set(self, key: str, *, milliseconds: int, only_new: bool = False) -> bool:
        """False only when it is there already: without Redis each process goes by what it knows itself."""
        if self._redis is None:
            return True
        done = await self._within_limits(self._redis.set(key, 1, px=max(1, milliseconds), nx=only_new, get=False))
        return done is not None or monotonic() < self._redis_rests_until

    async def _forget(self, *keys: str) -> None:
        if self._redis is not None and keys:
            await self._within_limits(self._redis.delete(*keys))

    async def _within_limits(self, asked: Awaitable[T]) -> T | None:
        """Redis's answer; None when it has none in time."""
        if monotonic() < self._redis_rests_until:
            if isinstance(asked, Coroutine):
                asked.close()
            return None
        try:
            async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                return await asked
        except (RedisError, OSError, TimeoutError):
            self._redis_rests_until = monotonic() + _REDIS_REST_SECONDS
            return None

    def _probe_key(self, name: str) -> str:
        return f"{self._key(name)}:probe"

    def _key(self, name: str) -> str:
        return f"breaker:{{{self._rail}}}:{name}"


def _names(account: str, way: Way) -> tuple[str, str]:
    return _WHOLE_RAIL, f"{account}:{way.value}"
