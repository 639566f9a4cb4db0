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

from infra.jobs.execution import LONGEST_JOB
from infra.jobs.outbox import Ring
from infra.logging import get_logger

log = get_logger()

# Each job has its own limit; this is of all that one ring sets going.
_LONGEST_SERVICE_SECONDS = 2 * int(LONGEST_JOB.total_seconds())
_RING_LASTS_SECONDS = 10


class Doorbell:
    """Rings RQ's queues. `function` is the import path of what RQ is to call with the row's id."""

    def __init__(self, redis_url: str, *, function: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        self._function = function

    async def ring(self, rings: Sequence[Ring]) -> None:
        """Ring for each row, in a thread, since RQ's client blocks. Never raises for a Redis that is down."""
        await self._ring(rings, are_new=False)

    async def ring_first(self, rings: Sequence[Ring]) -> None:
        """As `ring`, for rows that were committed this moment: nothing is left of an earlier ring to be looked for."""
        await self._ring(rings, are_new=True)

    async def _ring(self, rings: Sequence[Ring], *, are_new: bool) -> None:
        if not rings:
            return
        try:
            await asyncio.to_thread(self._ring_all, rings, are_new=are_new)
        except RedisError as error:
            log.warning("jobs.doorbell.silent", rings=len(rings), error=type(error).__name__)

    def close(self) -> None:
        self._redis.close()

    def _ring_all(self, rings: Sequence[Ring], *, are_new: bool) -> None:
        seconds, _ = self._redis.time()
        turn = seconds // _RING_LASTS_SECONDS
        for ring in rings:
            queue = Queue(ring.queue, connection=self._redis, serializer=JSONSerializer)
            # One ring an attempt and ten seconds, so that a job that fails before its row is claimed does not keep a worker busy.
            # What RQ keeps of a ring that it lost with its worker, for ever, refuses none after that.
            name = f"outbox-{ring.outbox_id}-{ring.attempts}"
            if not are_new:
                if self._redis.exists(Job.key_for(f"{name}-{turn}")):
                    continue
                # A ring that nobody took in time has left its number in the list, where one would come to lie every ten seconds.
                queue.remove(f"{name}-{turn - 1}")
                queue.remove(f"{name}-{turn}")
            with suppress(DuplicateJobError):
                queue.enqueue_call(
                    func=self._function,
                    args=(ring.outbox_id, ring.queue),
                    job_id=f"{name}-{turn}",
                    unique=True,
                    timeout=_LONGEST_SERVICE_SECONDS,
                    ttl=_RING_LASTS_SECONDS,
                    result_ttl=0,
                    failure_ttl=_RING_LASTS_SECONDS,
                )
