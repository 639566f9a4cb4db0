"""The rail-neutral engine of reads: from the mirror when it is fresh, after a refresh when it is not, and always with its age."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, undefer
from sqlalchemy.sql.base import ExecutableOption

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError, RailNeedsReconnect, RailUnavailable
from infra.logging import get_logger
from infra.sync import runs
from infra.sync.freshness import ON_DEMAND, Fetched, Freshness, FreshnessNeed, FreshnessSource, SyncStrategy
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.runs import SyncState
from infra.sync.shapes import MirrorRow
from infra.sync.spec import AnySpec, MirrorSpec

T = TypeVar("T")
M = TypeVar("M", bound=MirrorRow)

Ordering = ColumnElement[Any] | InstrumentedAttribute[Any]

log = get_logger()


class StaleRefused(RailUnavailable):
    """A live read could not be refreshed in time; it never answers from a stale mirror."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The books could not be brought up to date, and this needs them live: {reason}.")


@dataclass(frozen=True)
class MirrorAge:
    """How old what several mirrors hold together is: as old as the oldest of them."""

    as_of: datetime | None
    age: timedelta | None
    is_dirty: bool
    is_backfilling: bool
    was_never_begun: bool

    def is_fresh(self, max_age: timedelta) -> bool:
        return self.age is not None and not self.is_dirty and self.age <= max_age


class SmartSyncService:
    """Reads of one business over one rail.

    Args:
        refresh: brings every mirror of the rail up to date and returns the calls it cost; raises RailError.
        in_flight: shared by the process, so that readers of one stale company share one refresh.
    """

    def __init__(
        self,
        business_id: UUID,
        *,
        rail: Rail,
        uow: UnitOfWorkFactory,
        clock: Clock,
        refresh: Callable[[SyncStrategy], Awaitable[int]],
        in_flight: RefreshesInFlight,
    ) -> None:
        self.business_id = business_id
        self.rail = rail
        self._uow = uow
        self._clock = clock
        self._refresh = refresh
        self._in_flight = in_flight

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
        max_age = freshness.max_age if freshness.max_age is not None else min(spec.max_age for spec in specs)
        async with self._uow([self.business_id]) as uow:
            age = await self._age(uow.session, specs)
            if freshness.strategy is not SyncStrategy.LIVE and age.is_fresh(max_age):
                return Fetched(await query(uow.session), _freshness(age))
        attempt = await self._bring_up_to_date(age, freshness)
        if attempt.reason and freshness.strategy is SyncStrategy.LIVE:
            raise StaleRefused(attempt.reason)
        async with self._uow([self.business_id]) as uow:
            age = await self._age(uow.session, specs)
            value = await query(uow.session)
        found = _freshness(age, attempt=attempt)
        if found.stale and freshness.strategy is SyncStrategy.LIVE:
            raise StaleRefused(found.reason or "they are older than they seem")
        return Fetched(value, found)

    async def _age(self, session: AsyncSession, specs: Sequence[AnySpec]) -> MirrorAge:
        states = await runs.list_states(session, self.business_id, rail=self.rail)
        return _age_of([states.get(spec.entity) for spec in specs], now=self._clock.now())

    async def _bring_up_to_date(self, age: MirrorAge, need: FreshnessNeed) -> "_Attempt":
        if age.was_never_begun:
            return _Attempt(reason=f"the first sync has not begun; is this business connected to {self.rail.value}?")
        if age.is_backfilling:
            return _Attempt(reason="the first sync of this company has not finished")
        task, is_ours = self._in_flight.join((self.business_id, self.rail), lambda: self._refresh(need.strategy))
        source = FreshnessSource.RAIL if is_ours else FreshnessSource.COALESCED
        try:
            async with asyncio.timeout(need.wait.total_seconds()):
                calls = await asyncio.shield(task)
        except TimeoutError:
            return _Attempt(reason=f"{self.rail.value} did not answer within {need.wait.total_seconds():g} s")
        except RailNeedsReconnect as error:
            return _Attempt(reason=str(error))
        except (
            OodalooError
        ) as error:  # the rail's own, and an object of it that cannot be read: the mirror still answers
            log.warning("sync.refresh.failed", rail=self.rail, business_id=str(self.business_id), error=str(error))
            return _Attempt(reason=str(error))
        return _Attempt(source=source, calls=calls if is_ours else 0)


@dataclass(frozen=True)
class _Attempt:
    """How a refresh ended; `reason` is set when it did not succeed in time."""

    source: FreshnessSource = FreshnessSource.MIRROR
    calls: int = 0
    reason: str | None = None


def _age_of(states: Sequence[SyncState | None], *, now: datetime) -> MirrorAge:
    instants = [state.last_synced_at for state in states if state and state.last_synced_at]
    as_of = min(instants) if len(instants) == len(states) else None
    return MirrorAge(
        as_of=as_of,
        age=now - as_of if as_of else None,
        is_dirty=any(state is not None and state.dirty_since is not None for state in states),
        is_backfilling=any(state is None or state.synced_through is None for state in states),
        was_never_begun=all(state is None for state in states),
    )


def _freshness(age: MirrorAge, *, attempt: _Attempt | None = None) -> Freshness:
    """A refresh that succeeded is as fresh as can be, however young the caller wanted it: `max_age=0` is no contradiction."""
    attempt = attempt or _Attempt()
    reason = attempt.reason or ("a change was announced during the refresh" if age.is_dirty else None)
    return Freshness(
        as_of=age.as_of,
        age_seconds=max(0, int(age.age.total_seconds())) if age.age is not None else None,
        source=attempt.source,
        calls_spent=attempt.calls,
        stale=reason is not None,
        reason=reason,
    )
