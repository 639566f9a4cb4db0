"""What happened, counted: in memory while it happens, and a moment later in Redis, where all processes' counts are one.

Each queue has a worker process, and a web server may have several behind one port: what one of them holds is nobody's answer.
A process that is killed loses what it has counted since its last telling, at most some seconds.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.logging import get_logger

TOLD_EVERY_SECONDS = 2.0
_REDIS_ANSWERS_WITHIN_SECONDS = 1.0
_KEY = "metrics:{tally}"
_SUM, _REST = "sum", "+Inf"

log = get_logger()

Labels = tuple[str, ...]


class CounterCell:
    """One counter under one set of labels. `add` is for the event loop's thread alone."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending = 0.0

    def add(self, amount: float = 1.0) -> None:
        self.pending += amount

    def take(self) -> dict[str, float]:
        taken, self.pending = self.pending, 0.0
        return {_SUM: taken} if taken else {}

    def give_back(self, amounts: Mapping[str, float]) -> None:
        self.pending += amounts.get(_SUM, 0.0)

    def look(self) -> dict[str, float]:
        return {_SUM: self.pending}


class HistogramCell:
    """One distribution under one set of labels; the last bucket is what no bound holds."""

    __slots__ = ("_bounds", "_names", "_sum", "_within")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._names = [*(f"{bound:g}" for bound in bounds), _REST]
        self._within = [0] * len(self._names)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._within[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def take(self) -> dict[str, float]:
        taken = {name: float(count) for name, count in zip(self._names, self._within, strict=True) if count}
        if not taken:
            return {}
        taken[_SUM] = self._sum
        self._within, self._sum = [0] * len(self._names), 0.0
        return taken

    def give_back(self, amounts: Mapping[str, float]) -> None:
        self._within = [
            count + int(amounts.get(name, 0)) for name, count in zip(self._names, self._within, strict=True)
        ]
        self._sum += amounts.get(_SUM, 0.0)

    def look(self) -> dict[str, float]:
        return {**dict(zip(self._names, map(float, self._within), strict=True)), _SUM: self._sum}


@dataclass(frozen=True)
class Metric:
    """`bounds`: of a histogram's buckets, ascending; None: a counter. Each label has few values, and none names a company."""

    name: str
    told: str
    labels: Labels
    bounds: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Reading:
    """One metric under one set of labels, over all processes: a counter's `sum`, or a histogram's buckets, each by itself, and its sum."""

    metric: Metric
    labels: Labels
    amounts: Mapping[str, float]


class Tally:
    """The metrics of a process. `cell(…)` once, then `add` or `observe` as often as need be: half a microsecond each."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = {metric.name: metric for metric in metrics}
        self._cells: dict[tuple[str, Labels], CounterCell | HistogramCell] = {}
        self._known: dict[tuple[str, Labels], dict[str, float]] = {}

    def counter(self, metric: Metric, *labels: str) -> CounterCell:
        found = self._cells.get((metric.name, labels))
        if found is None:
            found = self._cells[metric.name, labels] = CounterCell()
        assert isinstance(found, CounterCell)  # noqa: S101 - a histogram's name
        return found

    def histogram(self, metric: Metric, *labels: str) -> HistogramCell:
        found = self._cells.get((metric.name, labels))
        if found is None:
            found = self._cells[metric.name, labels] = HistogramCell(metric.bounds or ())
        assert isinstance(found, HistogramCell)  # noqa: S101 - a counter's name
        return found

    async def tell(self, redis: Redis) -> None:
        """Add what was counted since the last time. What Redis may not have taken is told the next time.

        It is told twice where Redis took it and its answer was lost: a count is not the books.
        """
        taken = {key: amounts for key, cell in self._cells.items() if (amounts := cell.take())}
        if not taken:
            return
        try:
            async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                pipeline = redis.pipeline(transaction=False)
                for (name, labels), amounts in taken.items():
                    for part, amount in amounts.items():
                        pipeline.hincrbyfloat(_KEY, _field(name, labels, part), amount)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("metrics.tally.not_told", error=type(error).__name__)
            self._give_back(taken)
        except asyncio.CancelledError:
            self._give_back(taken)
            raise

    async def read(self, redis: Redis) -> list[Reading]:
        """Everything counted so far by all processes. While Redis is away: what it last said, and this process's own since.

        So a counter never seems to run backwards for that.
        """
        try:
            async with asyncio.timeout(_REDIS_ANSWERS_WITHIN_SECONDS):
                self._known = dict(_parsed(await redis.hgetall(_KEY)))
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("metrics.tally.not_read", error=type(error).__name__)
        found = {key: dict(amounts) for key, amounts in self._known.items() if key[0] in self._metrics}
        for key, cell in self._cells.items():
            amounts = found.setdefault(key, {})
            for part, amount in cell.look().items():
                amounts[part] = amounts.get(part, 0.0) + amount
        return [Reading(self._metrics[name], labels, amounts) for (name, labels), amounts in sorted(found.items())]

    def _give_back(self, taken: Mapping[tuple[str, Labels], Mapping[str, float]]) -> None:
        for key, amounts in taken.items():
            self._cells[key].give_back(amounts)


def _field(name: str, labels: Labels, part: str) -> str:
    return "\t".join((name, part, *labels))


def _parsed(fields: Mapping[Any, Any]) -> Iterator[tuple[tuple[str, Labels], dict[str, float]]]:
    found: dict[tuple[str, Labels], dict[str, float]] = {}
    for field, amount in fields.items():
        name, part, *labels = field.decode().split("\t")
        found.setdefault((name, tuple(labels)), {})[part] = float(amount)
    return iter(found.items())
