"""Where a queue worker's jobs live: one event loop, in a thread of its own, and one set of services for as long as the process lives.

RQ's loop blocks the main thread, and signals and RQ's time limit arrive there. Between two rings the services go on: counts are told,
connections looked after.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager

from infra.jobs.serving import Service, Workplace
from infra.logging import get_logger

log = get_logger()

OpenWorkplace = Callable[[], AbstractAsyncContextManager[Workplace]]

_LOOK_EVERY_SECONDS = 0.5
_BEAT_EVERY_SECONDS = 15.0
_GIVES_BACK_WITHIN_SECONDS = 5.0
_CLOSES_WITHIN_SECONDS = 2.0
# Three minutes without a turn of the loop: its leases are over by then, and its jobs not this process's any more.
_STUCK_AFTER_LOOKS = 360
_EXIT_WHEN_STUCK = 70


class Residence:
    """Begun and closed by the main thread, which waits in `work_off`; `leave` is for the handler of a signal."""

    def __init__(self, open_workplace: OpenWorkplace, *, queue: str) -> None:
        self.worked_off = 0
        self._open = open_workplace
        self._queue = queue
        self._thread = threading.Thread(target=self._live, name="jobs", daemon=True)
        self._opened: Future[tuple[asyncio.AbstractEventLoop, Workplace]] = Future()
        self._left = asyncio.Event()
        self._service: Service | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaves_at: float | None = None
        self._answered = threading.Event()
        self._unanswered = 0

    def begin(self) -> None:
        """Raises whatever keeps the workplace from opening."""
        self._thread.start()
        self._loop, self._workplace = self._opened.result()

    def leave(self, *, within_seconds: float) -> None:
        """Take nothing more. What is under way may come to its end until then, and is given back after it."""
        self._leaves_at = time.monotonic() + within_seconds
        if self._service is not None:
            self._service.take_no_more()

    def work_off(self, outbox_id: int, *, beat: Callable[[], None]) -> None:
        """The row that was rung for and its company, with `beat` every quarter of a minute.

        Whatever is raised meanwhile (a time limit, a second signal) gives back what is under way, and goes on.
        """
        if self._leaves_at is not None:
            return
        self._service = service = Service(self._workplace, queue=self._queue)
        ended = threading.Event()
        self._loop.call_soon_threadsafe(self._set_out, service, outbox_id, ended)
        try:
            self._await(ended, beat=beat)
        except BaseException:
            self._give_back(ended)
            raise
        finally:
            self.worked_off += service.worked_off
            self._service = None
        if self._task is not None and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    def close(self) -> None:
        """Everything that is open ends, or as much of it as does within seconds: the process goes."""
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join(_CLOSES_WITHIN_SECONDS)

    def _live(self) -> None:
        try:
            asyncio.run(self._stay())
        except BaseException as error:  # the main thread raises it, or finds this one gone
            if not self._opened.done():
                self._opened.set_exception(error)
            else:
                log.exception("jobs.residence.lost")

    async def _stay(self) -> None:
        async with self._open() as workplace:
            self._opened.set_result((asyncio.get_running_loop(), workplace))
            await self._left.wait()

    def _set_out(self, service: Service, outbox_id: int, ended: threading.Event) -> None:
        """In the loop's thread, as are `_turn_back` and what they do to the task."""
        self._task = asyncio.create_task(service.run(outbox_id))
        self._task.add_done_callback(lambda _: ended.set())

    def _turn_back(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _await(self, ended: threading.Event, *, beat: Callable[[], None]) -> None:
        beats_at = time.monotonic() + _BEAT_EVERY_SECONDS
        while not ended.wait(_LOOK_EVERY_SECONDS):
            self._see_that_it_turns()
            now = time.monotonic()
            if self._leaves_at is not None and now >= self._leaves_at:
                self._give_back(ended)
            elif now >= beats_at:
                beat()
                beats_at = now + _BEAT_EVERY_SECONDS

    def _give_back(self, ended: threading.Event) -> None:
        if not ended.is_set():
            self._loop.call_soon_threadsafe(self._turn_back)
            if not ended.wait(_GIVES_BACK_WITHIN_SECONDS):
                self._end_at_once("jobs.residence.gave_nothing_back")

    def _see_that_it_turns(self) -> None:
        """A job that never lets go of the loop can be ended in no other way, and would keep its queue from all others."""
        if not self._thread.is_alive():
            self._end_at_once("jobs.residence.gone")
        if self._answered.is_set() or not self._unanswered:
            self._answered.clear()
            self._unanswered = 1
            self._loop.call_soon_threadsafe(self._answered.set)
            return
        self._unanswered += 1
        if self._unanswered > _STUCK_AFTER_LOOKS:
            self._end_at_once("jobs.residence.stuck")

    def _end_at_once(self, event: str) -> None:
        """The supervisor starts another; what was under way is due again when its leases are over."""
        log.error(event, queue=self._queue, job_ids=self._service.under_way if self._service is not None else [])
        os._exit(_EXIT_WHEN_STUCK)
