"""How the latest verifications went, for the health page: in Redis, where losing it costs one verification of everything."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from redis.asyncio import Redis

from infra import exact_json

_KEY = "log:{verified}"


class Extent(StrEnum):
    NEW = "new"  # what was sealed since the last time
    ALL = "all"


class Outcome(StrEnum):
    """`Verdict` by its names, and what came to none."""

    CLEAN = "clean"
    TAMPERED = "tampered"
    ANCHORS_MISSING = "anchors_missing"
    LAGGING = "lagging"
    FAILED = "failed"


UNCHANGED = frozenset({Outcome.CLEAN, Outcome.LAGGING})


@dataclass(frozen=True)
class Verified:
    """One verification. `through` is the checkpoint that the next one of what is new goes on from."""

    extent: Extent
    outcome: Outcome
    finding_count: int
    through: int
    ended_at: datetime


async def write_verified(redis: Redis, verified: Verified) -> None:
    await redis.hset(_KEY, verified.extent, exact_json.dumps(asdict(verified)))


async def read_verified(redis: Redis) -> list[Verified]:
    """The latest of each extent, if there was one."""
    found = [exact_json.loads(text) for text in (await redis.hgetall(_KEY)).values()]
    return [
        Verified(
            extent=Extent(one["extent"]),
            outcome=Outcome(one["outcome"]),
            finding_count=one["finding_count"],
            through=one["through"],
            ended_at=datetime.fromisoformat(one["ended_at"]),
        )
        for one in found
    ]
