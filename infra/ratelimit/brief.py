"""A script that Redis runs at once or not at all: who asks has something of its own to fall back on."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.logging import get_logger

# Redis answers in a tenth of a millisecond; a request may not wait longer than this to learn that it does not.
ANSWERS_WITHIN_SECONDS = 0.05
_REST_SECONDS = 1.0

log = get_logger()


class BriefScript:
    """One Lua file of this room. After Redis failed to answer, it is left alone for a second."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._name = name
        self._script = redis.register_script((files("infra.ratelimit") / name).read_text(encoding="utf-8"))
        self._rests_until = 0.0

    async def run(self, keys: Sequence[str], args: Sequence[int | str]) -> Any | None:
        """What the script returns; None when Redis does not answer."""
        if monotonic() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
                return await self._script(keys=keys, args=args)
        except (RedisError, OSError, TimeoutError) as error:
            self._rests_until = monotonic() + _REST_SECONDS
            log.warning("ratelimit.redis.unavailable", script=self._name, error=type(error).__name__)
            return None
