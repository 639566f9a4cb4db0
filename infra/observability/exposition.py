"""Prometheus's text: what all processes counted, and how things stand now. No label has an id of anyone in it."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.observability import tally
from infra.observability.installation import PoolStanding, Standing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(
    standing: Standing,
    *,
    readings: Iterable[tally.Reading],
    pools: Iterable[PoolStanding],
    breakers: Mapping[str, int],
) -> bytes:
    """`breakers` are this process's circuits by their state."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_counted(readings), *_standing(standing), *_of_process(pools, breakers)]))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _counted(readings: Iterable[tally.Reading]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | HistogramMetricFamily] = {}
    for reading in readings:
        metric = reading.metric
        if metric.bounds is None:
            counter = families.setdefault(
                metric.name, CounterMetricFamily(metric.name, metric.told, labels=metric.labels)
            )
            assert isinstance(counter, CounterMetricFamily)  # noqa: S101 - by its bounds
            counter.add_metric(reading.labels, reading.amounts.get("sum", 0.0))
            continue
        histogram = families.setdefault(
            metric.name, HistogramMetricFamily(metric.name, metric.told, labels=metric.labels)
        )
        assert isinstance(histogram, HistogramMetricFamily)  # noqa: S101 - by its bounds
        names = [*(f"{bound:g}" for bound in metric.bounds), "+Inf"]
        counts = accumulate(reading.amounts.get(name, 0.0) for name in names)
        buckets = [(name, count) for name, count in zip(names, counts, strict=True)]
        histogram.add_metric(reading.labels, buckets=buckets, sum_value=reading.amounts.get("sum", 0.0))
    yield from families.values()


def _standing(standing: Standing) -> Iterator[Metric]:
    up = GaugeMetricFamily("oodaloo_up", "Whether a part answered the last look, and well.", labels=["part"])
    took = GaugeMetricFamily("oodaloo_look_seconds", "How long the last look at a part took.", labels=["part"])
    for name, part in standing.parts.items():
        up.add_metric([name], float(part.is_well))
        took.add_metric([name], part.milliseconds / 1000)
    yield up
    yield took
    yield _gauge(
        "oodaloo_redis_down",
        "1 while Redis does not answer.",
        [],
        [((), 0.0 if standing.parts["redis"].is_well else 1.0)],
    )
    yield from _queues(standing.found("queues"))
    yield from _doorbells(standing.found("workers"))
    yield from _books(standing)
    if (ticks := standing.found("scheduler")) is not None:
        yield _gauge(
            "oodaloo_schedule_seconds_since_tick",
            "Since an entry of the schedule last came round.",
            ["job"],
            [((tick.job,), tick.seconds_ago) for tick in ticks],
        )
    if (lag := standing.found("log_seal")) is not None:
        yield _gauge(
            "oodaloo_log_seal_lag_seconds", "Age of the oldest log row without a seal.", [], [((), lag.total_seconds())]
        )
    if (verified := standing.found("log_verified")) is not None:
        yield _gauge(
            "oodaloo_log_verified_seconds",
            "Since the log was verified: what was new, or all.",
            ["extent", "outcome"],
            [((one.extent, one.outcome), one.seconds_ago) for one in verified],
        )


def _queues(queues: Any) -> Iterator[Metric]:
    if queues is None:
        return
    yield _gauge(
        "oodaloo_queue_lag_seconds",
        "How long the job that is due longest has waited.",
        ["queue"],
        [((one.queue,), one.oldest_due_seconds) for one in queues],
    )
    yield _gauge(
        "oodaloo_queue_jobs",
        "Jobs in the outbox by what they wait for.",
        ["queue", "state"],
        [((one.queue, state), float(getattr(one, state))) for one in queues for state in ("due", "running", "later")],
    )
    yield _gauge(
        "oodaloo_dead_jobs",
        "Jobs that wait for a person.",
        ["queue"],
        [((one.queue,), float(one.dead)) for one in queues],
    )


def _doorbells(bells: Any) -> Iterator[Metric]:
    if bells is None:
        return
    yield _gauge(
        "oodaloo_workers", "Living workers.", ["queue"], [((one.queue,), float(one.workers)) for one in bells.queues]
    )
    yield _gauge("oodaloo_schedulers", "Living schedulers.", [], [((), float(bells.schedulers))])


def _books(standing: Standing) -> Iterator[Metric]:
    if (connections := standing.found("connections")) is not None:
        yield _gauge(
            "oodaloo_connections",
            "Companies by rail and state.",
            ["rail", "state"],
            [((one.rail, one.state), float(one.count)) for one in connections],
        )
        active = [one for one in connections if one.state == "active"]
        yield _gauge(
            "oodaloo_mirrors_stale",
            "Connected companies whose books are older than 24 hours.",
            ["rail"],
            [((one.rail,), float(one.stale)) for one in active],
        )
        yield _gauge(
            "oodaloo_mirrors_unread",
            "Connected companies whose first reading is not done.",
            ["rail"],
            [((one.rail,), float(one.unread)) for one in active],
        )
        yield _gauge(
            "oodaloo_mirror_age_seconds_max",
            "Age of the oldest mirror of a connected company.",
            ["rail"],
            [((one.rail,), one.oldest_sync_seconds) for one in active],
        )
    if (drift := standing.found("drift")) is not None:
        yield _gauge(
            "oodaloo_drift_open",
            "Differences from a rail's books that are not repaired.",
            ["kind"],
            [((one.kind,), float(one.count)) for one in drift],
        )
    if (notices := standing.found("notices")) is not None:
        yield _gauge(
            "oodaloo_notices_open",
            "Notices that stand open.",
            ["kind", "severity"],
            [((one.kind, one.severity), float(one.count)) for one in notices],
        )


def _of_process(pools: Iterable[PoolStanding], breakers: Mapping[str, int]) -> Iterator[Metric]:
    pools = list(pools)
    yield _gauge(
        "oodaloo_db_pool_in_use",
        "Connections in use, of the process that answers.",
        ["role", "kind"],
        [((pool.role, pool.kind), float(pool.in_use)) for pool in pools],
    )
    yield _gauge(
        "oodaloo_db_pool_size",
        "Connections that it may have.",
        ["role", "kind"],
        [((pool.role, pool.kind), float(pool.size)) for pool in pools],
    )
    yield _gauge(
        "oodaloo_breaker_circuits",
        "Circuits to rails by state, of the process that answers.",
        ["state"],
        [((state,), float(count)) for state, count in sorted(breakers.items())],
    )


def _gauge(
    name: str, told: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
