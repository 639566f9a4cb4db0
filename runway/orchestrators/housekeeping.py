"""Rows that have done their work go, a bounded number at a time, so that no table grows for ever and no lock is held for long."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text

from domains.core import seen_figures
from domains.core.models import Business
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from infra.sync import cache

BATCH = 2000
_MOST_BATCHES = 500
_KEPT_RUNS = 200  # of each business, however old
_BUSINESSES_AT_ONCE = 500


@dataclass(frozen=True)
class _Old:
    """Rows of a table that go once `condition` holds: `:before` is so long ago."""

    table: str
    condition: str
    kept: timedelta


_MONTH = timedelta(days=30)
# What a failed job was stays until a person has seen to it: it is listed by `dead_at`, and never finished.
_OF_JOBS = (
    _Old("outbox", "finished_at < :before", timedelta(days=7)),
    _Old("oauth_state", "expires_at < :before", timedelta(days=1)),
    _Old("webhook_event", "done_at < :before", _MONTH),
    _Old(
        "sync_run",
        "state <> 'running' AND started_at < :before AND "  # noqa: S608  # our own words
        "(SELECT count(*) FROM (SELECT FROM sync_run later WHERE later.business_id = sync_run.business_id "
        f"AND later.started_at > sync_run.started_at LIMIT {_KEPT_RUNS}) newer) >= {_KEPT_RUNS}",
        _MONTH,
    ),
    # Of one cached answer each, and most answers are a day's. Those of refreshes and first readings stay.
    _Old("refresh_lease", "rail LIKE '%.cache.%' AND leased_until < :before", timedelta(days=7)),
)
_OF_ACCESS = (
    _Old("user_session", "coalesce(ended_at, expires_at) < :before", _MONTH),
    _Old("password_reset", "expires_at < :before", _MONTH),
    _Old("mail", "sent_at < :before", _MONTH),
)

log = get_logger()


class Housekeeping:
    """Each batch is a transaction of its own: cut off, the next run goes on."""

    def __init__(
        self, *, uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, clock: Clock
    ) -> None:
        self._uow = uow
        self._jobs_uow = jobs_uow
        self._access_uow = access_uow
        self._clock = clock

    async def tidy(self, *, batch: int = BATCH) -> dict[str, int]:
        """How many rows went, by table."""
        gone = {}
        for uow, olds in ((self._jobs_uow, _OF_JOBS), (self._access_uow, _OF_ACCESS)):
            for old in olds:
                gone[old.table] = await self._remove(uow, old, batch=batch)
        gone |= await self._forget_answers()
        log.info("housekeeping.done", **gone)
        return gone

    async def _forget_answers(self) -> dict[str, int]:
        """As the application's role, some businesses at a time: what was answered is of their books, which the queue's role does not see."""
        async with self._jobs_uow([]) as uow:
            business_ids = list(await uow.session.scalars(select(Business.id).order_by(Business.id)))
        now, gone = self._clock.now(), {"sync_cache": 0, "seen_figures": 0}
        for start in range(0, len(business_ids), _BUSINESSES_AT_ONCE):
            async with self._uow(business_ids[start : start + _BUSINESSES_AT_ONCE]) as uow:
                gone["sync_cache"] += await cache.forget_old(uow.session, now=now)
                gone["seen_figures"] += await seen_figures.forget_old(uow.session, now=now)
        return gone

    async def _remove(self, uow: UnitOfWorkFactory, old: _Old, *, batch: int) -> int:
        statement = text(
            # No lock first: that takes the right to update, which the queue's role has not everywhere.
            f"WITH old AS (SELECT ctid FROM {old.table} WHERE {old.condition} LIMIT :batch), "  # noqa: S608  # our own words
            f"gone AS (DELETE FROM {old.table} WHERE ctid IN (SELECT ctid FROM old) RETURNING 1) SELECT count(*) FROM gone"
        )
        total, before = 0, self._clock.now() - old.kept
        for _ in range(_MOST_BATCHES):
            async with uow([]) as unit:
                removed = (await unit.session.execute(statement, {"before": before, "batch": batch})).scalar_one()
            total += removed
            if removed < batch:
                break
        return total
