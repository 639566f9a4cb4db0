"""The rail-neutral engine of reads: from the mirror when it is fresh, after a refresh when it is not, and always with its age."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, undefer
from sqlalchemy.sql.base import ExecutableOption

from infra.clock import Clock
from infra.config import Rail
from infra.db.reads import Read, Reads, read_in
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError, RailNeedsReconnect
from infra.logging import get_logger
from infra.redaction import words_of
from infra.sync import runs
from infra.sync.alone import RailResting, late, patience_of, refresh_alone
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed, FreshnessSource, SyncStrategy
from infra.sync.in_flight import Refreshed, RefreshesInFlight
from infra.sync.mirror_age import Attempt, MirrorAge, Newest, StaleRefused, age_of, freshness_of, settled
from infra.sync.refresh_lease import RefreshLeases
from infra.sync.shapes import MirrorRow
from infra.sync.spec import AnySpec, MirrorSpec

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=MirrorRow)

# A change announced, or about to be acted on, must be in the answer: a refresh begun earlier may have missed it.
_MUST_BE_NEW = frozenset({SyncStrategy.LIVE, SyncStrategy.EVENT, SyncStrategy.RECONCILIATION})

Ordering = ColumnElement[Any] | InstrumentedAttribute[Any]
Holds = Callable[[], Awaitable[bool]]

log = get_logger()


class SmartSyncService:
    """Reads of one business over one rail.

    Args:
        reads: of the role that sees books.
        refresh: brings every mirror of the rail up to date and returns the calls it cost; raises RailError.
        in_flight: shared by the process, so that readers of one stale company share one refresh.
        time_zone: the company's, in which days end.
        rest_seconds: how long the rail is not asked for a business because it kept failing, 0 when it may be tried; None while all is
            well. Asks nobody itself.
    """

    def __init__(
        self,
        business_id: UUID,
        *,
        rail: Rail,
        uow: UnitOfWorkFactory,
        clock: Clock,
        reads: Reads,
        refresh: Callable[[SyncStrategy], Awaitable[int]],
        in_flight: RefreshesInFlight,
        time_zone: tzinfo = UTC,
        rest_seconds: Callable[[UUID], float | None] = lambda _: None,
    ) -> None:
        self._time_zone = time_zone
        self._rest_seconds = rest_seconds
        self.business_id = business_id
        self.rail = rail
        self._uow = uow
        self._reads = reads
        self._clock = clock
        self._refresh = refresh
        self._in_flight = in_flight

    def today(self) -> date:
        """The company's date."""
        return self._clock.now().astimezone(self._time_zone).date()

    async def read(
        self,
        spec: MirrorSpec[Any, M, Any],
        *where: ColumnElement[bool],
        order_by: Sequence[Ordering] = (),
        limit: int | None = None,
        with_payload: bool = False,
        include_deleted: bool = False,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[list[M]]:
        """The mirror's rows of this business that satisfy `where`, deleted ones left out unless asked for.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        mirror = spec.mirror
        query = select(mirror).where(mirror.business_id == self.business_id, mirror.rail == self.rail.value, *where)
        if not include_deleted:
            query = query.where(mirror.deleted_at.is_(None))
        options: list[ExecutableOption] = [undefer(mirror.payload)] if with_payload else []
        query = query.order_by(*order_by).limit(limit).options(*options)

        async def rows(session: AsyncSession) -> list[M]:
            return list(await session.scalars(query))

        return await self.fetch([spec], rows, freshness=freshness)

    async def fetch(
        self,
        specs: Sequence[AnySpec],
        query: Callable[[AsyncSession], Awaitable[T]],
        *,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[T]:
        """Run a domain's own query over the mirrors of `specs` once they are fresh, or as `freshness` allows."""
        max_age = self._max_age(specs, freshness)
        async with self._uow([self.business_id]) as uow:
            age = await self._age(uow.session, specs)
            if freshness.strategy is not SyncStrategy.LIVE and age.is_fresh(max_age):
                return Fetched(await query(uow.session), freshness_of(age))
        attempt = await self._bring_up_to_date(age, freshness)
        if attempt.reason and freshness.strategy is SyncStrategy.LIVE:
            raise StaleRefused(attempt.reason)
        async with self._uow([self.business_id]) as uow:
            age = await self._age(uow.session, specs)
            value = await query(uow.session)
        return settled(value, age, attempt=attempt, need=freshness)

    async def select(
        self, specs: Sequence[AnySpec], read: Read[R], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[R]]:
        """As `select_each`, of one statement."""
        fetched = await self.select_each(specs, read, freshness=freshness)
        return Fetched(fetched.value[0], fetched.freshness)

    async def select_each(
        self, specs: Sequence[AnySpec], *reads: Read[Any], freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[list[Any]]]:
        """As `fetch`, of statements: while the mirrors of `specs` are fresh, their age and all the rows are one round trip."""
        max_age = self._max_age(specs, freshness)
        age, rows = await self._age_and_rows(specs, reads)
        if freshness.strategy is not SyncStrategy.LIVE and age.is_fresh(max_age):
            return Fetched(rows, freshness_of(age))
        attempt = await self._bring_up_to_date(age, freshness)
        if attempt.reason and freshness.strategy is SyncStrategy.LIVE:
            raise StaleRefused(attempt.reason)
        age, rows = await self._age_and_rows(specs, reads)
        return settled(rows, age, attempt=attempt, need=freshness)

    async def _age_and_rows(
        self, specs: Sequence[AnySpec], reads: Sequence[Read[Any]]
    ) -> tuple[MirrorAge, list[list[Any]]]:
        lines, *rows = await self._reads.of([self.business_id], self._state_lines(specs), *reads)
        return self._age_of(specs, lines), rows

    async def bring_up_to_date(self, strategy: SyncStrategy, *, unless: Holds | None = None) -> Refreshed:
        """Refresh every mirror of the rail, alone over all processes, or share the refresh that is under way.

        `unless` is asked when it is this one's turn, and after each refresh that it waited for. Where it holds, another's has brought
        what this one is for, and the rail is not asked.

        Raises:
            RailError: nothing is in step that was not before.
        """
        if rest := self._rest_seconds(self.business_id):
            raise RailResting(self.rail, seconds=rest)
        refreshed, _ = await self._refresh_once(strategy, unless=unless)
        return refreshed

    def _max_age(self, specs: Sequence[AnySpec], need: FreshnessNeed) -> timedelta:
        oldest = self._oldest(need)
        return oldest if oldest is not None else min(spec.max_age for spec in specs)

    def _oldest(self, need: FreshnessNeed) -> timedelta | None:
        """The oldest data that the caller accepts; None where they left it to what they read."""
        if not need.of_today:
            return need.max_age
        now = self._clock.now()
        midnight = datetime.combine(self.today(), time(), self._time_zone)
        return now - midnight.astimezone(UTC)

    async def _age(self, session: AsyncSession, specs: Sequence[AnySpec]) -> MirrorAge:
        (lines,) = await read_in(session, self._state_lines(specs))
        return self._age_of(specs, lines)

    def _state_lines(self, specs: Sequence[AnySpec]) -> Read[runs.StateLine]:
        return runs.STATE_LINES.with_(
            business_id=self.business_id, rail=self.rail.value, entities=[spec.entity for spec in specs]
        )

    def _age_of(self, specs: Sequence[AnySpec], lines: Sequence[runs.StateLine]) -> MirrorAge:
        states = {line.entity: line for line in lines}
        return age_of([states.get(spec.entity) for spec in specs], now=self._clock.now())

    async def _bring_up_to_date(self, age: MirrorAge, need: FreshnessNeed) -> Attempt:
        if reason := self._reason_not_to_ask(age):
            return Attempt(reason=reason)
        wait = patience_of(need, rest=self._rest_seconds(self.business_id)).total_seconds()
        try:
            async with asyncio.timeout(wait):
                refreshed, is_ours = await self._refresh_once(need.strategy, seen=age.newest)
        except TimeoutError:
            return Attempt(reason=late(self.rail, wait))
        except RailNeedsReconnect as error:
            return Attempt(reason=words_of(error))
        except OodalooError as error:
            # The rail's own, and an object of it that cannot be read: the mirror still answers.
            log.warning("sync.refresh.failed", rail=self.rail, business_id=str(self.business_id), error=words_of(error))
            return Attempt(reason=words_of(error))
        is_rail = is_ours and refreshed.is_own and refreshed.calls
        source = FreshnessSource.RAIL if is_rail else FreshnessSource.COALESCED
        return Attempt(source=source, calls=refreshed.calls if is_ours else 0)

    def _reason_not_to_ask(self, age: MirrorAge) -> str | None:
        if age.was_never_begun:
            return f"the first sync has not begun; is this business connected to {self.rail.value}?"
        if age.is_backfilling:
            return "the first sync of this company has not finished"
        rest = self._rest_seconds(self.business_id)
        return words_of(RailResting(self.rail, seconds=rest)) if rest else None

    async def _refresh_once(
        self, strategy: SyncStrategy, *, seen: Newest | None = None, unless: Holds | None = None
    ) -> tuple[Refreshed, bool]:
        """Begin a refresh or join one; true when this call began it. The refresh goes on when its caller stops waiting.

        Who must have what was changed before they asked joins no refresh that was begun before that, here or in another process.
        Of the others, who comes when one has ended since they looked needs none; nor does whoever finds by `unless` that another's will do.
        """
        key, must_be_new = (self.business_id, self.rail), strategy in _MUST_BE_NEW
        if seen is not None and not must_be_new:
            unless = partial(self._is_newer_than, seen)
        begun = self._in_flight.begun(key)
        while True:
            flight, is_ours = self._in_flight.join(key, lambda: self._refresh_under_lease(strategy, unless))
            is_new = flight.number > begun
            try:
                refreshed = await asyncio.shield(flight.task)
            except OodalooError:
                if is_new or not must_be_new:
                    raise
                continue
            if not must_be_new or (is_new and refreshed.is_own):
                return refreshed, is_ours
            if unless is not None and await unless():
                return Refreshed(calls=0, is_own=False), is_ours

    async def _refresh_under_lease(self, strategy: SyncStrategy, unless: Holds | None) -> Refreshed:
        leases = RefreshLeases(self._uow, self.business_id, self.rail)

        async def refresh() -> int | None:
            """Holding the lease: between the caller's look and this, another process may have done it."""
            return None if unless is not None and await unless() else await self._refresh(strategy)

        return await refresh_alone(leases, self.rail, refresh, strategy=strategy, clock=self._clock)

    async def _is_newer_than(self, last: Newest) -> bool:
        async with self._uow([self.business_id]) as uow:
            states = await runs.list_states(uow.session, self.business_id, rail=self.rail)
        synced_at = states[last.entity].last_synced_at if last.entity in states else None
        is_dirty = any(state.dirty_since is not None for state in states.values())
        return synced_at is not None and synced_at > last.synced_at and not is_dirty
