"""Who listens to the doorbell, as RQ keeps it in Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis
from rq import Queue, Worker
from rq.cron import CronScheduler
from rq.serializers import JSONSerializer

from infra.jobs.outbox import QUEUES
from infra.jobs.queue_worker import WORKER_TTL_SECONDS


@dataclass(frozen=True)
class WorkersStanding:
    """`workers` gave a sign of life within their time; `seconds_since_beat` is of the last one that did, None when none did.

    `rings` lie in RQ's queue: how many jobs wait is the outbox's to say.
    """

    queue: str
    workers: int
    seconds_since_beat: float | None
    rings: int


@dataclass(frozen=True)
class Doorbells:
    queues: list[WorkersStanding]
    schedulers: int
    seconds_since_scheduler: float | None

    @property
    def unserved(self) -> list[str]:
        return [queue.queue for queue in self.queues if not queue.workers]


def read_doorbells(redis: Redis, *, now: datetime) -> Doorbells:
    """Blocks, for as long as `redis` lets it."""
    beats: dict[str, list[float]] = {queue: [] for queue in QUEUES}
    for worker in Worker.all(connection=redis, serializer=JSONSerializer):
        for queue in worker.queue_names():
            if worker.last_heartbeat is not None:
                beats.setdefault(queue, []).append(_seconds_since(worker.last_heartbeat, now))
    lengths = {queue: Queue(queue, connection=redis, serializer=JSONSerializer).count for queue in beats}
    schedulers = [
        _seconds_since(scheduler.last_heartbeat, now)
        for scheduler in CronScheduler.all(redis)
        if scheduler.last_heartbeat is not None
    ]
    return Doorbells(
        queues=[_standing(queue, ages, lengths) for queue, ages in beats.items()],
        schedulers=len(schedulers),
        seconds_since_scheduler=min(schedulers, default=None),
    )


def _standing(queue: str, ages: list[float], lengths: Mapping[str, int]) -> WorkersStanding:
    # RQ forgets a worker that was killed only when its key runs out; the beat says so sooner.
    living = [age for age in ages if age <= WORKER_TTL_SECONDS]
    return WorkersStanding(queue, len(living), min(ages, default=None), lengths[queue])


def _seconds_since(instant: datetime, now: datetime) -> float:
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return round(max((now - aware).total_seconds(), 0.0), 1)
