"""Bringing every business up to date whose time has come: many in one process, each for itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from structlog.contextvars import bind_contextvars

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError
from infra.jobs import outbox
from infra.logging import get_logger
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.sync_service import QBOSyncService
from infra.redaction import words_of
from infra.sync.freshness import SyncStrategy
from infra.sync.timing import SyncStanding, SyncTimingManager

SLICE = timedelta(seconds=20)  # after it nothing new is begun, unless the slow ones keep the process anyway
LONGEST = timedelta(minutes=4)
EACH = timedelta(minutes=2)
_LOOK_EVERY_SECONDS = 0.5
_BETWEEN_LOOKS = 10  # times what the last one took: of thousands of companies it is no small question

# Connected, not read to the end, and nothing in the queue that would do it, not even a dead job: its row was lost or never written.
_UNREAD = text("""
SELECT c.business_id FROM connection c
WHERE c.state = 'active' AND c.rail = :rail AND c.state_changed_at < :long_ago
  AND NOT EXISTS (SELECT FROM outbox o WHERE o.business_id = c.business_id AND o.job = :job AND o.finished_at IS NULL)
  AND (NOT EXISTS (SELECT FROM sync_state s WHERE s.business_id = c.business_id AND s.rail = c.rail)
    OR EXISTS (SELECT FROM sync_state s WHERE s.business_id = c.business_id AND s.rail = c.rail AND s.synced_through IS NULL))
""")
_LONG_AGO = timedelta(minutes=5)

SyncOf = Callable[[UUID], Awaitable[QBOSyncService]]

log = get_logger()


@dataclass(frozen=True)
class _Running:
    task: asyncio.Task[None]
    was_in_trouble: bool


class DueSyncs:
    """One business's trouble or slowness is its own: its own time, its own lease, and at most half of the places for those
    that were in trouble the last time.
    """

    def __init__(
        self,
        *,
        timing: SyncTimingManager,
        jobs_uow: UnitOfWorkFactory,
        sync_of: SyncOf,
        clock: Clock,
        at_once: int,
        a_slice: timedelta = SLICE,
        each: timedelta = EACH,
    ) -> None:
        self._timing = timing
        self._jobs_uow = jobs_uow
        self._sync_of = sync_of
        self._clock = clock
        self._at_once = at_once
        self._slice = a_slice
        self._each = each

    async def run(self) -> bool:
        """Sync what is due, and whatever falls due while that goes on; whether more is left than the slice had time for."""
        began = time.monotonic()
        begun: set[UUID] = set()
        running: dict[UUID, _Running] = {}
        due, look_at = await self._look(begun)
        while True:
            passed = timedelta(seconds=time.monotonic() - began)
            if not due and time.monotonic() > look_at:
                due, look_at = await self._look(begun)
            if passed < self._slice or (running and passed < LONGEST):
                due = self._begin(due, running)
                begun |= running.keys()
            if not running:
                return bool(due)
            tasks = [one.task for one in running.values()]
            await asyncio.wait(tasks, timeout=_LOOK_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for business_id in [business_id for business_id, one in running.items() if one.task.done()]:
                running.pop(business_id).task.result()

    def _begin(self, due: list[SyncStanding], running: dict[UUID, _Running]) -> list[SyncStanding]:
        """Begin as many as there is room for; those that are left."""
        left = []
        for one in due:
            troubled = sum(each.was_in_trouble for each in running.values())
            is_in_trouble = one.failures > 0
            if len(running) >= self._at_once or (is_in_trouble and troubled >= max(1, self._at_once // 2)):
                left.append(one)
            else:
                task = asyncio.create_task(self._sync(one.business_id))
                running[one.business_id] = _Running(task, was_in_trouble=is_in_trouble)
        return left

    async def ask_for_lost_backfills(self) -> int:
        """A first reading goes on even when the row that asked for it is gone; how many were asked for."""
        async with self._jobs_uow([]) as uow:
            now = self._clock.now()
            values = {"rail": Rail.QBO.value, "job": BACKFILL, "long_ago": now - _LONG_AGO}
            unread = list(await uow.session.scalars(_UNREAD, values))
            for business_id in unread:
                ring = await outbox.ask_once(
                    uow.session, BACKFILL, str(business_id), key="lost", queue="bulk", business_id=business_id
                )
                uow.ring_for(ring)
        return len(unread)

    async def _look(self, begun: set[UUID]) -> tuple[list[SyncStanding], float]:
        """What is due, and when to look again, by the monotonic clock."""
        began = time.monotonic()
        due = await self._due(begun)
        ended = time.monotonic()
        return due, ended + max(_LOOK_EVERY_SECONDS, _BETWEEN_LOOKS * (ended - began))

    async def _due(self, begun: set[UUID]) -> list[SyncStanding]:
        """Each once a run: what fails is not tried again at once."""
        async with self._jobs_uow([]) as uow:
            due = await self._timing.list_due(uow.session, Rail.QBO, now=self._clock.now())
        return [one for one in due if one.business_id not in begun]

    async def _sync(self, business_id: UUID) -> None:
        bind_contextvars(business_id=str(business_id))  # of this task alone
        try:
            async with asyncio.timeout(self._each.total_seconds()):
                sync = await self._sync_of(business_id)
                if await sync.should_sync(SyncStrategy.SCHEDULED):
                    await sync.bring_up_to_date(SyncStrategy.SCHEDULED)
        except TimeoutError:
            log.warning("sync.due.slow", business_id=str(business_id), seconds=self._each.total_seconds())
        except RailError as error:
            log.warning("sync.due.failed", business_id=str(business_id), error=words_of(error))
        except Exception:  # a bug met in one company's books must not stop the others
            log.exception("sync.due.failed", business_id=str(business_id))
