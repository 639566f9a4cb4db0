"""One queue's RQ worker, which does its jobs itself: in its own process, where everything that they need is open already.

RQ's own forks one for each job, and each builds its services from nothing: a second of work, more than most jobs.
"""

import random
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from infra.jobs.residence import OpenWorkplace, Residence
from infra.logging import get_logger

log = get_logger()

RING_ENTRY = f"{__name__}.answer_ring"
WORKER_TTL_SECONDS = 60
FINISHES_WITHIN_SECONDS = 2.0
# Whatever a job leaves behind, in memory or in a library, lives no longer than this.
_MOST_ROWS = 20_000
_GROWN_BY_BYTES = 384 * 1024**2
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024

_answer: Callable[[int], None] | None = None


class NobodyAnswers(RuntimeError):
    def __init__(self) -> None:
        super().__init__("Rings are answered by the processes of `oodaloo worker` alone.")


def answer_ring(outbox_id: int, _queue: str) -> None:
    """What RQ calls.

    Raises:
        NobodyAnswers: in a worker that somebody started with RQ's own commands.
    """
    if _answer is None:
        raise NobodyAnswers
    _answer(outbox_id)


def serve_queue(redis_url: str, queue: str, *, open_workplace: OpenWorkplace) -> None:
    """This process's life: until SIGTERM, or until it is worn out."""
    global _answer  # noqa: PLW0603  # RQ calls a function by its path: what it is to reach is this process's one
    random.seed()  # its siblings are forks of the same parent
    residence = Residence(open_workplace, queue=queue)
    residence.begin()
    worker = _QueueWorker(queue, connection=Redis.from_url(redis_url), residence=residence)
    _answer = worker.answer
    try:
        worker.work(logging_level="WARNING")
    finally:
        residence.close()


class _QueueWorker(SimpleWorker):
    max_connection_wait_time = 5.0  # RQ's minute would be waited after Redis is back

    def __init__(self, queue: str, *, connection: Redis, residence: Residence) -> None:
        super().__init__([queue], connection=connection, serializer=JSONSerializer, worker_ttl=WORKER_TTL_SECONDS)
        self._residence = residence
        self._job: Job | None = None
        self._peak_at_first = _peak_bytes()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """RQ's account of a job, around `answer`.

        Raises:
            StopRequested: the process has done its share.
        """
        self._job = job
        super().execute_job(job, queue)
        grown = _peak_bytes() - self._peak_at_first
        if self._residence.worked_off >= _MOST_ROWS or grown >= _GROWN_BY_BYTES:
            log.info("jobs.worker.worn_out", rows=self._residence.worked_off, grown_mib=grown // 1024**2)
            raise StopRequested

    def answer(self, outbox_id: int) -> None:
        self._residence.work_off(outbox_id, beat=self._beat)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """At SIGTERM: what is under way has a moment to end, and is given back after it."""
        self._residence.leave(within_seconds=FINISHES_WITHIN_SECONDS)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ left it untyped

    def get_heartbeat_ttl(self, job: Job) -> int:  # noqa: ARG002  # as RQ calls it
        """Seconds. Not the job's hours, as of RQ's: Redis soon forgets a worker that was killed."""
        return int(self.job_monitoring_interval) + WORKER_TTL_SECONDS

    def _beat(self) -> None:
        with suppress(RedisError):  # it shows that we live; nothing depends on it
            if self._job is not None:
                self.maintain_heartbeats(self._job)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
