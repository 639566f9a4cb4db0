"""How the installation as a whole stands: one look a part, all at once, none waited for longer than two seconds."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import QueuePool

from infra.clock import Clock
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.log_proof.catalog import check_catalog
from infra.log_proof.lag import sealing_lag
from infra.log_proof.verified import Outcome, Verified, read_verified
from infra.observability import standings
from infra.observability.looking import InThread, Kept, Look, NotAsItShould, Part, look_at_all
from infra.observability.rq_standing import read_doorbells

KEPT_SECONDS = 5.0
_WALLS_KEPT_SECONDS = 300.0  # the look reads much of the catalog
_WITHIN_SECONDS = 2.0
_ALIVE = text("SELECT current_user::text")


@dataclass(frozen=True)
class PoolStanding:
    """A login role's connections in this process, and how many of them are in use. `kind`: of units of work, or of plain reads."""

    role: str
    kind: str
    in_use: int
    size: int


@dataclass(frozen=True)
class VerifiedStanding:
    """The latest verification of the log: of what was `new`, or of `all`."""

    extent: str
    outcome: str
    seconds_ago: float

    @classmethod
    def of(cls, verified: Verified, *, now: datetime) -> "VerifiedStanding":
        return cls(verified.extent.value, verified.outcome.value, max((now - verified.ended_at).total_seconds(), 0.0))


@dataclass(frozen=True)
class Standing:
    """By name: `database:app`, `database:access`, `database:jobs`, `redis`, `workers`, `queues`, `scheduler`, `log_seal`,
    `log_walls`, `log_verified`, `connections`, `drift`, `notices`.
    """

    parts: Mapping[str, Part]

    def found(self, name: str) -> Any:
        """What a part told; None when it did not answer."""
        return self.parts[name].found


class InstallationHealth:
    """`engines` and `reads` by login role. What it knows is up to five seconds old."""

    def __init__(
        self,
        *,
        engines: Mapping[str, AsyncEngine],
        reads: Mapping[str, Reads],
        jobs_uow: UnitOfWorkFactory,
        redis: AsyncRedis,
        redis_url: str,
        sealer_url: str,
        clock: Clock,
    ) -> None:
        self.engines = engines
        self._reads = reads
        self._jobs_uow = jobs_uow
        self._redis = redis
        self._sealer_url = sealer_url
        self._clock = clock
        self._rq_redis = quick_redis(redis_url)
        self._doorbells = InThread(lambda: read_doorbells(self._rq_redis, now=clock.now()))
        self._seal = InThread(lambda: read_sealing_lag(sealer_url))
        self._walls = Kept(InThread(lambda: read_differing_walls(sealer_url)), seconds=_WALLS_KEPT_SECONDS)
        self._standing = Kept(self._look, seconds=KEPT_SECONDS)

    async def get(self) -> Standing:
        return await self._standing.get()

    def pools(self) -> list[PoolStanding]:
        units = [
            PoolStanding(_short(role), "units", pool.checkedout(), pool.size())
            for role, engine in self.engines.items()
            if isinstance(pool := engine.pool, QueuePool)
        ]
        reads = [PoolStanding(_short(role), "reads", pool.in_use, pool.size) for role, pool in self._reads.items()]
        return units + reads

    def forget(self) -> None:
        """Look again at once: something has just been changed."""
        self._standing.forget()
        self._walls.forget()

    async def close(self) -> None:
        await self._standing.close()
        await self._walls.close()
        self._rq_redis.close()

    async def _look(self) -> Standing:
        looks: dict[str, Look] = {f"database:{_short(role)}": _asking(engine) for role, engine in self.engines.items()}
        looks |= {
            "redis": self._redis.ping,
            "workers": self._doorbells,
            "queues": self._listing(standings.list_queues),
            "scheduler": self._listing(standings.list_ticks),
            "log_seal": self._seal,
            "log_walls": self._look_at_walls,
            "log_verified": self._look_at_verified,
            "connections": self._listing(standings.list_connections),
            "drift": self._listing(standings.list_open_drift),
            "notices": self._listing(standings.list_open_notices),
        }
        parts = await look_at_all(looks, seconds=_WITHIN_SECONDS)
        return Standing({part.name: part for part in parts})

    async def _look_at_walls(self) -> None:
        if differing := await self._walls.get():
            raise NotAsItShould(f"{len(differing)} of them are not as they were made; `oodaloo doctor` names them")

    async def _look_at_verified(self) -> list[VerifiedStanding]:
        found = await read_verified(self._redis)
        if count := max((one.finding_count for one in found if one.outcome is Outcome.TAMPERED), default=0):
            raise NotAsItShould(f"{count} things in the logs or mirrors were changed; `oodaloo log verify` names them")
        return [VerifiedStanding.of(one, now=self._clock.now()) for one in found]

    def _listing(self, look: Callable[[AsyncSession], Awaitable[Any]]) -> Look:
        async def listed() -> Any:
            async with self._jobs_uow([]) as uow:
                return await look(uow.session)

        return listed


def _short(role: str) -> str:
    return role.removeprefix("oodaloo_")


def _asking(engine: AsyncEngine) -> Look:
    async def ask() -> None:
        async with engine.connect() as connection:
            await connection.execute(_ALIVE)

    return ask


def quick_redis(url: str) -> Redis:
    """RQ's client blocks; this one not for long, whatever has become of the server."""
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


def read_sealing_lag(sealer_url: str) -> timedelta:
    """Blocks, over a connection of its own: the sealer's role has none in a web process."""
    with _connect(sealer_url) as connection:
        return sealing_lag(connection)


def read_differing_walls(sealer_url: str) -> list[str]:
    """What is not as the release made it of the walls around the logs. Blocks, as `read_sealing_lag`."""
    with _connect(sealer_url) as connection:
        return check_catalog(connection)


def _connect(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = "-c statement_timeout=2s -c lock_timeout=1s -c timezone=UTC"
    return psycopg.connect(plain, autocommit=True, connect_timeout=2, options=options)
