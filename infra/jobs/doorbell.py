"""Telling RQ that a row of the outbox is due. Losing a ring costs some seconds: the sweeper rings again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from infra.jobs.outbox import Ring
from infra.logging import get_logger

log = get_logger()

_LONGEST_JOB_SECONDS = 6 * 3600
_RING_LASTS_SECONDS = 30


class Doorbell:
    """Rings RQ's queues. `function` is the import path of what RQ is to call with the row's id."""

    def __init__(self, redis_url: str, *, function: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        self._function = function

    async def ring(self, rings: Sequence[Ring]) -> None:
        """Ring for each row, in a thread, since RQ's client blocks. Never raises for a Redis that is down."""
        if not rings:
            return
        try:
            await asyncio.to_thread(self._ring_all, rings)
        except RedisError as error:
            log.warning("jobs.doorbell.silent", rings=len(rings), error=type(error).__name__)

    def close(self) -> None:
        self._redis.close()

    def _ring_all(self, rings: Sequence[Ring]) -> None:
        for ring in rings:
            queue = Queue(ring.queue, connection=self._redis, serializer=JSONSerializer)
            # One ring an attempt lies in the queue, and not for long: what RQ keeps of a ring it lost or finished would otherwise
            # refuse every later one. Of a ring that failed before its row was claimed it is kept, so that the next one waits.
            job_id = f"outbox-{ring.outbox_id}-{ring.attempts}"
            if self._redis.exists(Job.key_for(job_id)):
                continue
            # A ring that nobody took in time leaves its number in the list, where it would lie once for each sweep.
            queue.remove(job_id)
            with suppress(DuplicateJobError):
                queue.enqueue_call(
                    func=self._function,
                    args=(ring.outbox_id, ring.queue),
                    job_id=job_id,
                    unique=True,
                    timeout=_LONGEST_JOB_SECONDS,
                    ttl=_RING_LASTS_SECONDS,
                    result_ttl=0,
                    failure_ttl=_RING_LASTS_SECONDS,
                )
