"""Whether this process can serve: what a load balancer asks, as often as it likes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from infra.db.migrate import SchemaAge, schema_age
from infra.db.roles import JOBS
from infra.observability.looking import Kept, Look, NotAsItShould, Part, look_at, look_at_all
from infra.security.keyring import Keyring

KEPT_SECONDS = 1.0
_WITHIN_SECONDS = 1.0
_SAMPLE_CONTEXT = ("health", "sample")
_NEEDED_LESS = frozenset(
    {"redis"}
)  # without it each process keeps to its share of the limits, and jobs come seconds later
_WHO = text("SELECT current_user::text")
_WHO_AND_SCHEMA = text("SELECT current_user::text, (SELECT array_agg(version_num) FROM alembic_version)")


@dataclass(frozen=True)
class Standing:
    parts: list[Part]

    @property
    def is_ready(self) -> bool:
        return all(part.is_well for part in self.parts if part.name not in _NEEDED_LESS)

    @property
    def is_whole(self) -> bool:
        return all(part.is_well for part in self.parts)


class Readiness:
    """`engines` by login role: those that this process serves with. Each is asked one query a second at most."""

    def __init__(self, *, engines: Mapping[str, AsyncEngine], redis: Redis, keyring: Keyring) -> None:
        self._engines = engines
        self._redis = redis
        self._keyring = keyring
        self._standing = Kept(self._look, seconds=KEPT_SECONDS)

    async def get(self) -> Standing:
        return await self._standing.get()

    def forget(self) -> None:
        """Look again at once: something has just been changed."""
        self._standing.forget()

    async def close(self) -> None:
        await self._standing.close()

    async def _look(self) -> Standing:
        looks: dict[str, Look] = {_name_of(role): self._look_as(role) for role in self._engines}
        looks |= {"redis": self._look_at_redis, "keyring": self._look_at_keyring}
        parts = await look_at_all(looks, seconds=_WITHIN_SECONDS)
        told = next(part for part in parts if part.name == _name_of(JOBS))
        return Standing([*parts, await look_at("migrations", lambda: _judge(told), seconds=_WITHIN_SECONDS)])

    def _look_as(self, role: str) -> Look:
        engine = self._engines[role]

        async def look() -> list[str] | None:
            if is_used_up(engine):
                return None  # it answers others: to take a busy process away would make the rest busier
            async with engine.connect() as connection:
                row = (await connection.execute(_WHO_AND_SCHEMA if role == JOBS else _WHO)).one()
            if row[0] != role:
                raise NotAsItShould("another role answers")
            return list(row[1] or ()) if role == JOBS else None

        return look

    async def _look_at_redis(self) -> None:
        await self._redis.ping()

    async def _look_at_keyring(self) -> None:
        if not opens_what_it_seals(self._keyring):
            raise NotAsItShould("it does not open what it sealed")


async def _judge(told: Part) -> None:
    """Newer than this process's is well: the next release is being brought out, and changes are made so that the last one runs on."""
    if told.found is None and told.is_well:
        return
    if told.found is None:
        raise NotAsItShould("the database does not tell")
    if await asyncio.to_thread(schema_age, frozenset(told.found)) is SchemaAge.BEHIND:
        raise NotAsItShould("the schema is older than this version needs")


def _name_of(role: str) -> str:
    return f"database:{role.removeprefix('oodaloo_')}"


def is_used_up(engine: AsyncEngine) -> bool:
    """Whether every connection of the pool is in use."""
    pool = engine.pool
    return isinstance(pool, QueuePool) and pool.checkedout() >= pool.size()


def opens_what_it_seals(keyring: Keyring) -> bool:
    opened = keyring.open(keyring.seal("sample", context=_SAMPLE_CONTEXT), context=_SAMPLE_CONTEXT)
    return opened.get_secret_value() == "sample"
