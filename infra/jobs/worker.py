"""`oodaloo worker`: one RQ worker process a queue (a worker of several queues can lose a job it popped), kept running."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from types import FrameType

from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from infra.logging import get_logger
from infra.parent import end_with_parent

log = get_logger()

WORKER_TTL_SECONDS = 60
_STOP_WITHIN_SECONDS = 3.0


def supervise(redis_url: str, *, queues: Sequence[str]) -> None:
    """Run until SIGTERM or SIGINT, then stop every worker within seconds: a job cut off is run again from its row."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    context = multiprocessing.get_context("fork")
    workers: dict[str, BaseProcess] = {}
    while not stopping.is_set():
        for queue in queues:
            if queue not in workers or not workers[queue].is_alive():
                workers[queue] = context.Process(
                    target=_work, args=(redis_url, queue, os.getpid()), name=f"worker-{queue}"
                )
                workers[queue].start()
                log.info("jobs.worker.started", queue=queue, pid=workers[queue].pid)
        stopping.wait(1.0)
    _stop(list(workers.values()))


def _work(redis_url: str, queue: str, supervisor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(supervisor)  # an orphan would go on taking rings, beside whoever is started in its place
    connection = Redis.from_url(redis_url)
    worker = Worker([queue], connection=connection, serializer=JSONSerializer, worker_ttl=WORKER_TTL_SECONDS)
    worker.work(logging_level="WARNING")


def _stop(workers: Sequence[BaseProcess]) -> None:
    """RQ waits for a running job at the first signal and drops it at the second."""
    deadline = time.monotonic() + _STOP_WITHIN_SECONDS
    for worker in workers:
        worker.terminate()
    while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    for worker in workers:
        if worker.is_alive():
            worker.terminate()
    for worker in workers:
        worker.join(timeout=1.0)
        if worker.is_alive():
            worker.kill()
