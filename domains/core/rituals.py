"""The only writer of a ritual's events: each is a row that is never changed, and what somebody decided unseen is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ritual import (
    STEPS_BEFORE_THE_LAST,
    Ritual,
    RitualEvent,
    RitualEventKind,
    RitualOutcome,
    RitualState,
    RitualStep,
)
from domains.core.ritual_errors import (
    ChangedMeanwhile,
    RitualIsFinished,
    RitualNotStarted,
    StepNotDone,
    StepsLeft,
    VersionUnknown,
)
from domains.core.ritual_models import RitualEventRow
from infra.db.many import is_one_of
from infra.db.tenancy import TenantAwareService

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('ritual:' || :business_id, 0))")


@dataclass(frozen=True)
class RitualWriter:
    """Who, in which request. `version`: the ritual as they saw it."""

    actor: str
    request_id: str
    version: int


class Rituals(TenantAwareService):
    """Each verb is one event in the caller's transaction, and answers with the ritual after it.

    Two people may do different steps at once: refused is only what somebody else did to the same step, or the end, meanwhile.
    The same said again by the same person is the same.

    Raises:
        RitualNotStarted, RitualIsFinished: of each verb but `start`.
        ChangedMeanwhile: somebody was faster.
        VersionUnknown: nobody can have seen that version.
    """

    async def get(self, session: AsyncSession, week_on: date) -> Ritual:
        """Not started, if nobody has."""
        rows = await session.scalars(
            select(RitualEventRow)
            .where(RitualEventRow.business_id == self.business_id, RitualEventRow.week_on == week_on)
            .order_by(RitualEventRow.version)
        )
        return Ritual(week_on, tuple(map(_event, rows)))

    async def start(self, session: AsyncSession, week_on: date, *, actor: str, request_id: str) -> Ritual:
        """One that is started stays as it is."""
        ritual = await self._locked(session, week_on)
        if ritual.state is not RitualState.NOT_STARTED:
            return ritual
        return await self._append(session, ritual, RitualEventKind.STARTED, actor=actor, request_id=request_id)

    async def decide(
        self,
        session: AsyncSession,
        week_on: date,
        step: RitualStep,
        *,
        outcome: RitualOutcome,
        note: str | None,
        figures: Mapping[str, Any],
        by: RitualWriter,
    ) -> Ritual:
        """The step is done, with what was decided; done before, it is now decided otherwise."""
        ritual = await self._locked(session, week_on)
        said = (RitualEventKind.DONE, outcome, note, by.actor)
        event = ritual.step(step).event
        if event is not None and (event.kind, event.outcome, event.note, event.actor) == said:
            return ritual
        _check(ritual, by, step=step)
        return await self._append(
            session,
            ritual,
            RitualEventKind.DONE,
            step=step,
            outcome=outcome,
            note=note,
            figures=figures,
            actor=by.actor,
            request_id=by.request_id,
        )

    async def reopen(
        self, session: AsyncSession, week_on: date, step: RitualStep, *, note: str | None, by: RitualWriter
    ) -> Ritual:
        """The step is to be done again.

        Raises:
            StepNotDone: it was never done.
        """
        ritual = await self._locked(session, week_on)
        event = ritual.step(step).event
        if event is not None and event.kind is RitualEventKind.REOPENED and event.actor == by.actor:
            return ritual
        _check(ritual, by, step=step)
        if not ritual.step(step).is_done:
            raise StepNotDone(step)
        return await self._append(
            session,
            ritual,
            RitualEventKind.REOPENED,
            step=step,
            note=note,
            actor=by.actor,
            request_id=by.request_id,
        )

    async def finish(
        self,
        session: AsyncSession,
        week_on: date,
        *,
        note: str | None,
        snapshot: Callable[[Ritual], Mapping[str, Any]],
        by: RitualWriter,
    ) -> Ritual:
        """Lock it, with the snapshot of what it ends on. All that was done must have been seen.

        Raises:
            StepsLeft: some step is not done.
        """
        ritual = await self._locked(session, week_on)
        if ritual.finished is not None and ritual.finished.actor == by.actor:
            return ritual
        _check(ritual, by)
        left = [one.step for one in ritual.steps if one.step in STEPS_BEFORE_THE_LAST and not one.is_done]
        if left:
            raise StepsLeft(left)
        return await self._append(
            session,
            ritual,
            RitualEventKind.FINISHED,
            note=note,
            figures=snapshot(ritual),
            actor=by.actor,
            request_id=by.request_id,
        )

    async def _locked(self, session: AsyncSession, week_on: date) -> Ritual:
        await session.execute(_LOCK, {"business_id": str(self.business_id)})
        return await self.get(session, week_on)

    async def _append(self, session: AsyncSession, ritual: Ritual, kind: RitualEventKind, **told: Any) -> Ritual:
        row = RitualEventRow(
            business_id=self.business_id,
            week_on=ritual.week_on,
            version=ritual.version + 1,
            kind=kind.value,
            **{
                name: value.value if isinstance(value, RitualStep | RitualOutcome) else value
                for name, value in told.items()
            },
        )
        session.add(row)
        await session.flush()  # its time is the database's
        await session.refresh(row)
        return Ritual(ritual.week_on, (*ritual.events, _event(row)))


@dataclass(frozen=True)
class LastRitual:
    """`finished_at` of the last week whose ritual was finished."""

    week_on: date
    finished_at: datetime
    actor: str


async def list_last_finished(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, LastRitual]:
    """Of several businesses at once; one that never finished any is not in it."""
    rows = await session.execute(
        select(RitualEventRow.business_id, RitualEventRow.week_on, RitualEventRow.recorded_at, RitualEventRow.actor)
        .where(
            is_one_of(RitualEventRow.business_id, business_ids), RitualEventRow.kind == RitualEventKind.FINISHED.value
        )
        .ext(distinct_on(RitualEventRow.business_id))
        .order_by(RitualEventRow.business_id, RitualEventRow.week_on.desc())
    )
    return {row.business_id: LastRitual(row.week_on, row.recorded_at, row.actor) for row in rows}


async def list_begun(session: AsyncSession, weeks: Mapping[UUID, date]) -> dict[UUID, int]:
    """Business → how many events its ritual of this week has; one that is not started is not in it."""
    rows = await session.execute(
        select(RitualEventRow.business_id, RitualEventRow.week_on, func.count())
        .where(is_one_of(RitualEventRow.business_id, list(weeks)), RitualEventRow.week_on.in_(set(weeks.values())))
        .group_by(RitualEventRow.business_id, RitualEventRow.week_on)
    )
    return {business_id: count for business_id, week_on, count in rows if weeks[business_id] == week_on}


def _check(ritual: Ritual, by: RitualWriter, *, step: RitualStep | None = None) -> None:
    """Raise unless the writer saw all that matters to what they want to do."""
    if ritual.state is RitualState.NOT_STARTED:
        raise RitualNotStarted
    if by.version > ritual.version:
        raise VersionUnknown(by.version)
    if unseen := ritual.since(by.version, step=step):
        raise ChangedMeanwhile(unseen, version=ritual.version)
    if ritual.state is RitualState.FINISHED:
        raise RitualIsFinished


def _event(row: RitualEventRow) -> RitualEvent:
    return RitualEvent(
        version=row.version,
        kind=RitualEventKind(row.kind),
        step=None if row.step is None else RitualStep(row.step),
        outcome=None if row.outcome is None else RitualOutcome(row.outcome),
        note=row.note,
        figures=row.figures,
        actor=row.actor,
        at=row.recorded_at,
    )
