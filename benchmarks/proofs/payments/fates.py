"""What befalls those who work on a history: a death at a named point or at any await, a sleep with the work half done."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from benchmarks.proofs.payments.hours import HERE
from infra.crash_points import hooked


class Killed(BaseException):
    """The process is gone. Nobody may catch it but who plays the machine."""


@dataclass
class Fate:
    """One history's. `over` ends all of it.

    Attributes:
        points: names at which somebody dies, each once.
        death: the chance to die at any point; `cut`: to be cut off at any await of a step.
        stall: the chance to sleep after a commit, for longer than the lease.
    """

    draw: random.Random
    points: set[str] = field(default_factory=set)
    death: float = 0.0
    cut: float = 0.0
    stall: float = 0.0
    most: int = 4
    is_over: bool = False
    deaths: Counter[str] = field(default_factory=Counter)
    stalls: int = 0
    asleep: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def passed(self, name: str) -> None:
        """Raises:
        Killed: here it ends.
        """
        if self.is_over or self.deaths.total() >= self.most:
            return
        if name in self.points:
            self.points.discard(name)
        elif not (self.death and self.draw.random() < self.death):
            return
        self.deaths[name] += 1
        raise Killed(name)

    def cut_after(self) -> float | None:
        """Real seconds into a step at which its process is cut off; None: it is left alone."""
        if self.is_over or self.deaths.total() >= self.most or self.draw.random() >= self.cut:
            return None
        self.deaths["cut off"] += 1
        return self.draw.uniform(0, 0.06)

    async def maybe_stall(self) -> None:
        if not self.is_over and self.stall and self.stalls < self.most and self.draw.random() < self.stall:
            self.stalls += 1
            await self.sleep(self.draw.uniform(20, 260))

    async def sleep(self, seconds: float) -> None:
        """For so long by the lane's time; whoever moves that wakes the sleepers."""
        time, woken = HERE.get(), asyncio.Event()
        assert time is not None
        sleeper = (time.now() + seconds, woken)
        self.asleep.append(sleeper)
        try:
            await woken.wait()
        finally:
            self.asleep.remove(sleeper)


CURRENT: ContextVar[Fate | None] = ContextVar("fate", default=None)


@contextmanager
def fated() -> Iterator[None]:
    """Every crash point that is passed in a history's own tasks asks its fate."""

    def hook(name: str) -> None:
        fate = CURRENT.get()
        if fate is not None:
            fate.passed(name)

    with hooked(hook):
        yield
