"""What a queue worker does at a ring: the job that was rung for, and whatever else of its queue may run beside it."""

import asyncio
import contextvars
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs import outbox
from infra.jobs.execution import JobDefinition, ToldOfDeath, execute
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()

_LONGEST_SERVICE = timedelta(minutes=5)
_LOOK_EVERY_SECONDS = 0.25


@dataclass(frozen=True)
class Workplace:
    """What every job of a process is run with; it stays while jobs come and go. `context` is handed to each of them."""

    jobs: Mapping[str, JobDefinition]
    context: object
    uow: UnitOfWorkFactory
    on_dead: ToldOfDeath


class Service:
    """One ring's jobs. `take_no_more` lets those under way come to their end."""

    def __init__(self, workplace: Workplace, *, queue: str) -> None:
        self._workplace = workplace
        self._queue = queue
        self._room = {
            name: each.beside_others
            for name, each in workplace.jobs.items()
            if each.queue == queue and each.beside_others
        }
        self._running: dict[int, tuple[str, asyncio.Task[bool]]] = {}
        self._takes_more = True
        self.worked_off = 0

    @property
    def under_way(self) -> list[int]:
        return list(self._running)

    def take_no_more(self) -> None:
        self._takes_more = False

    async def run(self, outbox_id: int) -> None:
        """Until nothing is left: one slow business keeps no other waiting. With the first job done, nothing is taken on after five minutes.

        Cancelled, it gives back what is under way.
        """
        ends_at = time.monotonic() + _LONGEST_SERVICE.total_seconds()
        first = self._begin(outbox_id, "")
        try:
            while self._running:
                tasks = [task for _, task in self._running.values()]
                await asyncio.wait(tasks, timeout=_LOOK_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                self._see_off()
                if self._takes_more and not (first.done() and time.monotonic() > ends_at):
                    await self._take_more()
        finally:
            await self._give_back()

    def _begin(self, outbox_id: int, job: str) -> asyncio.Task[bool]:
        workplace = self._workplace
        work = execute(
            outbox_id,
            jobs=workplace.jobs,
            context=workplace.context,
            uow=workplace.uow,
            on_dead=workplace.on_dead,
        )
        # An empty context: what one job binds to the log's lines, or anywhere, no other sees.
        task = asyncio.create_task(work, context=contextvars.Context())
        self._running[outbox_id] = (job, task)
        return task

    def _see_off(self) -> None:
        for row in [row for row, (_, task) in self._running.items() if task.done()]:
            _, task = self._running.pop(row)
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is not None:  # its lease runs out, and the row is due again
                is_bug = not isinstance(error, SQLAlchemyError | asyncio.CancelledError)
                log.error("jobs.job.cut_off", job_id=row, error=words_of(error), exc_info=error if is_bug else None)
            elif task.result():
                self.worked_off += 1

    async def _take_more(self) -> None:
        taken = Counter(job for job, _ in self._running.values())
        open_jobs = [job for job, places in self._room.items() if taken[job] < places]
        if not open_jobs:
            return
        try:
            async with self._workplace.uow([]) as unit:
                limit = sum(self._room.values())
                due = await outbox.list_due_of(unit.session, self._queue, jobs=open_jobs, limit=limit)
        except SQLAlchemyError as error:
            log.warning("jobs.queue.not_read", queue=self._queue, error=type(error).__name__)
            return
        for row, job in due:
            if row not in self._running and taken[job] < self._room[job]:
                self._begin(row, job)
                taken[job] += 1

    async def _give_back(self) -> None:
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            self._see_off()
