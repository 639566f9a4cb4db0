"""One timeline of all that was done in a business, the newest first, with the seals that prove it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.asyncio import Redis

from domains.core.models import Business
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.log_proof.proof import LogHead, LogProofService
from infra.log_proof.seals import LoggedRow, Seal, find_seals
from infra.log_proof.verified import Verified, read_verified
from runway.orchestrators import audit_sources as sources
from runway.orchestrators.audit_events import AuditCursor, AuditEvent, AuditFilter, AuditKind
from runway.orchestrators.audit_sources import Wanted

_IN_BOOKS = {
    AuditKind.DECISION: sources.decisions,
    AuditKind.ACTION: sources.actions,
    AuditKind.SETTING: sources.settings,
    AuditKind.RITUAL: sources.rituals,
    AuditKind.BOOKS: sources.books,
}
_OF_NO_OBJECT = frozenset({AuditKind.SETTING, AuditKind.RITUAL, AuditKind.BOOKS})
_AT_THE_SAME_INSTANT = 20
_CLOCKS_APART = timedelta(days=1)  # the database's may be ahead of ours
_EXPORTED_AT_ONCE = 200


@dataclass(frozen=True)
class AuditPage:
    """`seals` of those entries whose log is sealed and that are some seconds old."""

    events: Sequence[AuditEvent]
    seals: Mapping[LoggedRow, Seal]
    next_cursor: str | None


@dataclass(frozen=True)
class ChainState:
    """`head` None: nothing was sealed yet; `verified` None: the installation's log was not verified of late."""

    head: LogHead | None
    verified: Verified | None


@dataclass(frozen=True)
class AuditTimeline:
    """`access_uow` is of the role that sees who came through the doors."""

    business: Business
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    redis: Redis
    clock: Clock

    async def get(self, asked: AuditFilter, *, cursor: AuditCursor | None, limit: int) -> AuditPage:
        events = await self._newest(asked, cursor=cursor, limit=limit + 1)
        shown = events[:limit]
        rows = [one.logged for one in shown if one.logged is not None]
        async with self.uow([self.business.id]) as uow:
            seals = await find_seals(uow.session, self.business.id, rows)
        more = AuditCursor(*shown[-1].place).encode() if len(events) > limit else None
        return AuditPage(shown, seals, more)

    async def export(self, asked: AuditFilter) -> AsyncIterator[AuditEvent]:
        """Every entry, the newest first. Read in parts: no transaction waits for whoever reads slowly."""
        cursor: AuditCursor | None = None
        while events := await self._newest(asked, cursor=cursor, limit=_EXPORTED_AT_ONCE):
            for event in events:
                yield event
            cursor = AuditCursor(*events[-1].place)

    async def chain(self) -> ChainState:
        """Whether the log hangs together, by the installation's own verification of it."""
        async with self.uow([self.business.id]) as uow:
            head = await LogProofService(uow.session).find_head(self.business.id)
        verified = await read_verified(self.redis)
        return ChainState(head, max(verified, key=lambda one: one.ended_at, default=None))

    async def _newest(self, asked: AuditFilter, *, cursor: AuditCursor | None, limit: int) -> list[AuditEvent]:
        until: datetime = self.clock.now() + _CLOCKS_APART if cursor is None else cursor.at
        wanted = Wanted(self.business, asked, until, limit + _AT_THE_SAME_INSTANT)
        found: list[AuditEvent] = []
        async with self.uow([self.business.id]) as uow:
            for kind, source in _IN_BOOKS.items():
                if kind in asked.kinds and (asked.object_id is None or kind not in _OF_NO_OBJECT):
                    found += await source(uow.session, wanted)
        if AuditKind.ACCESS in asked.kinds:
            async with self.access_uow([]) as uow:
                found += await sources.doors(uow.session, wanted)
        if cursor is not None:
            found = [one for one in found if one.place < (cursor.at, cursor.key)]
        return sorted(found, key=lambda one: one.place, reverse=True)[:limit]
