"""`oodaloo worker`: one RQ worker process a queue (a worker of several queues can lose a job it popped), kept running."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from types import FrameType

from infra.jobs.queue_worker import FINISHES_WITHIN_SECONDS, serve_queue
from infra.jobs.residence import OpenWorkplace
from infra.logging import get_logger
from infra.parent import end_with_parent

log = get_logger()

_LOOK_EVERY_SECONDS = 0.2
_RESTART_AFTER_SECONDS = (
    1.0  # at the earliest, from the start before: one that cannot start is not started a hundred times a second
)
PROMPT = "actions"  # the queue that people wait for
_STOP_WITHIN_SECONDS = FINISHES_WITHIN_SECONDS + 3.0


def supervise(redis_url: str, *, queues: Sequence[str], open_workplace: OpenWorkplace, niceness: int = 0) -> None:
    """Run until SIGTERM or SIGINT, then stop every worker within seconds: a job cut off is run again from its row.

    `open_workplace` is called in each worker's process. `niceness` is that of all queues but the one that people wait for.
    """
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    crew = {
        queue: _Post(redis_url, queue, open_workplace, niceness=0 if queue == PROMPT else niceness) for queue in queues
    }
    while not stopping.is_set():
        for post in crew.values():
            post.keep_manned()
        stopping.wait(_LOOK_EVERY_SECONDS)
    _stop([post.worker for post in crew.values() if post.worker is not None])


class _Post:
    """A queue's place, and who holds it."""

    def __init__(self, redis_url: str, queue: str, open_workplace: OpenWorkplace, *, niceness: int) -> None:
        self.worker: BaseProcess | None = None
        self._arguments = (redis_url, queue, open_workplace, os.getpid(), niceness)
        self._queue = queue
        self._not_before = 0.0

    def keep_manned(self) -> None:
        if self.worker is not None and self.worker.is_alive():
            return
        if time.monotonic() < self._not_before:
            return
        if self.worker is not None:
            is_well = self.worker.exitcode == 0
            (log.info if is_well else log.warning)("jobs.worker.ended", queue=self._queue, code=self.worker.exitcode)
        context = multiprocessing.get_context("fork")
        self.worker = context.Process(target=_work, args=self._arguments, name=f"worker-{self._queue}")
        self.worker.start()
        self._not_before = time.monotonic() + _RESTART_AFTER_SECONDS
        log.info("jobs.worker.started", queue=self._queue, pid=self.worker.pid)


def _work(redis_url: str, queue: str, open_workplace: OpenWorkplace, supervisor: int, niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(supervisor)  # an orphan would go on taking rings, beside whoever is started in its place
    os.nice(max(0, niceness - os.nice(0)))  # within the supervisor's share: payments go before the rest
    serve_queue(redis_url, queue, open_workplace=open_workplace)


def _stop(workers: Sequence[BaseProcess]) -> None:
    """All at once; whoever does not end is killed, and leases say what becomes of its jobs."""
    deadline = time.monotonic() + _STOP_WITHIN_SECONDS
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(timeout=max(0.0, deadline - time.monotonic()))
        if worker.is_alive():
            worker.kill()
