"""Looking at several things at once, none of which may keep the others waiting; and at nothing more often than need be."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisError

from infra.errors import OodalooError
from infra.logging import get_logger

T = TypeVar("T")

log = get_logger()


class NotAsItShould(Exception):
    """It answers, and something is wrong with it. The text is shown: it names no address and no secret."""


@dataclass(frozen=True)
class Part:
    """What was found of one thing. `problem` is None when it is well; `found` is what it told of itself, if it answered."""

    name: str
    problem: str | None
    milliseconds: float
    found: Any = None

    @property
    def is_well(self) -> bool:
        return self.problem is None


Look = Callable[[], Awaitable[Any]]


async def look_at(name: str, look: Look, *, seconds: float) -> Part:
    """Look for so long at most. What an error says of itself may hold an address; its class says enough here, the log more."""
    began = monotonic()
    found, problem = None, None
    try:
        async with asyncio.timeout(seconds):
            found = await look()
    except TimeoutError:
        problem = f"no answer within {seconds:g} s"
    except (NotAsItShould, OodalooError) as error:
        problem = str(error)
    except (RedisError, OSError) as error:
        problem = f"it does not answer ({type(error).__name__})"
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one part, the others are still told of
        log.warning("health.part.failed", part=name, error=type(error).__name__)
        problem = f"it cannot be asked ({type(getattr(error, 'orig', None) or error).__name__})"
    return Part(name, problem, round((monotonic() - began) * 1000, 1), found)


async def look_at_all(looks: dict[str, Look], *, seconds: float) -> list[Part]:
    return list(await asyncio.gather(*(look_at(name, look, seconds=seconds) for name, look in looks.items())))


class Kept(Generic[T]):
    """An answer that is good for some seconds; however many ask, one look is under way."""

    def __init__(self, look: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._kept: tuple[float, T] | None = None
        self._under_way: asyncio.Task[T] | None = None

    async def get(self) -> T:
        if self._kept is not None and monotonic() < self._kept[0]:
            return self._kept[1]
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._refresh())
        return await asyncio.shield(self._under_way)

    def forget(self) -> None:
        """The next one who asks has a new look."""
        self._kept = None

    async def close(self) -> None:
        """Give up a look that is under way."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def _refresh(self) -> T:
        try:
            found = await self._look()
            self._kept = (monotonic() + self._seconds, found)
            return found
        finally:
            self._under_way = None


class InThread(Generic[T]):
    """A look that blocks, in a thread of its own. One that hangs is not joined by a second: threads are few."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._under_way: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        if self._under_way is not None and not self._under_way.done():
            raise NotAsItShould("the last look has not come back yet")
        self._under_way = asyncio.ensure_future(asyncio.to_thread(self._look))
        return await asyncio.shield(self._under_way)
