"""What each sync has seen (`sync_state`) and what each run did (`sync_run`)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    PrimaryKeyConstraint,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, column_property, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.db.reads import Statement
from infra.observability.counted import note_run
from infra.sync.drift import DriftItem
from infra.sync.quarantine import QuarantinedObject

# Two refreshes may run at once, in two processes; none takes this long.
_LONGEST_REFRESH = timedelta(hours=6)


class RunKind(StrEnum):
    BACKFILL = "backfill"
    INCREMENTAL = "incremental"
    RESCAN = "rescan"
    RECONCILIATION = "reconciliation"
    COMPARE = "compare"


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SyncState(Base):
    """How far one entity of one business is in step with its rail.

    `backfill_cursor` is set while a backfill is under way and tells where it goes on. `synced_through` is the instant up to which
    every change of the rail is in the mirror: the next incremental starts there, less an overlap. `last_synced_at` is when the
    last call that confirmed it was begun: freshness is measured from it. `rescan_reason` is why the entity must be read whole again
    before it is in step, null when it need not. `quarantined` and `open_drift` are counted in those tables as the line is read: a count
    kept beside it would be written by whoever stores, in the middle of locks that others take in another order. `kept_at` is when
    something was last stored in its mirror, by the database's clock.
    """

    __tablename__ = "sync_state"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "entity"),)

    business_id: Mapped[UUID] = mapped_column()
    rail: Mapped[str] = mapped_column()
    entity: Mapped[str] = mapped_column()
    backfill_cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    backfill_started_at: Mapped[datetime | None]
    stored_objects: Mapped[int] = mapped_column(server_default="0")
    synced_through: Mapped[datetime | None]
    last_synced_at: Mapped[datetime | None]
    last_full_at: Mapped[datetime | None]
    last_webhook_at: Mapped[datetime | None]
    dirty_since: Mapped[datetime | None]
    last_error: Mapped[str | None]
    last_error_at: Mapped[datetime | None]
    rescan_reason: Mapped[str | None]
    kept_at: Mapped[datetime | None]
    # The last release reads and writes these two; the next one drops them. Who goes back to it finds them as they were then, until it counts anew.
    _quarantined: Mapped[int] = mapped_column("quarantined", server_default="0", deferred=True)
    _open_drift: Mapped[int] = mapped_column("open_drift", server_default="0", deferred=True)

    quarantined: Mapped[int] = column_property(
        select(func.count())
        .where(
            QuarantinedObject.business_id == business_id,
            QuarantinedObject.rail == rail,
            QuarantinedObject.entity == entity,
            QuarantinedObject.resolved_at.is_(None),
        )
        .correlate_except(QuarantinedObject)
        .scalar_subquery()
    )
    open_drift: Mapped[int] = column_property(
        select(func.count())
        .where(
            DriftItem.business_id == business_id,
            DriftItem.rail == rail,
            DriftItem.entity == entity,
            DriftItem.repaired_at.is_(None),
        )
        .correlate_except(DriftItem)
        .scalar_subquery()
    )


class StateLine(NamedTuple):
    """What decides how fresh an entity's mirror is."""

    entity: str
    synced_through: datetime | None
    last_synced_at: datetime | None
    dirty_since: datetime | None
    rescan_reason: str | None
    quarantined: int
    open_drift: int


STATE_LINES = Statement(
    select(*(getattr(SyncState, name) for name in StateLine._fields)).where(
        SyncState.business_id == bindparam("business_id", type_=Uuid),
        SyncState.rail == bindparam("rail", type_=Text),
        SyncState.entity == any_(bindparam("entities", type_=ARRAY(Text))),
    ),
    StateLine,
)


class SyncRun(Base):
    """That a sync ran, what it saw and what it cost. A run that failed is never counted as a success."""

    __tablename__ = "sync_run"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        Index("ix_sync_run_latest", "business_id", "started_at"),
        Index("ix_sync_run_running", "business_id", postgresql_where=text("state = 'running'")),
        Index(
            "ix_sync_run_changed",
            "business_id",
            "finished_at",
            postgresql_where=text("changed > 0 OR state = 'failed'"),
        ),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    rail: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    actor: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    calls: Mapped[int] = mapped_column(server_default="0")
    seen: Mapped[int] = mapped_column(server_default="0")
    changed: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]


_ENDED = (SyncRun.kind, SyncRun.state, SyncRun.started_at, SyncRun.finished_at)


async def list_states(session: AsyncSession, business_id: UUID, *, rail: Rail) -> dict[str, SyncState]:
    """Every entity's state, by entity."""
    rows = await session.scalars(
        select(SyncState).where(SyncState.business_id == business_id, SyncState.rail == rail.value)
    )
    return {row.entity: row for row in rows}


async def list_runs(session: AsyncSession, business_id: UUID, *, rail: Rail, limit: int) -> list[SyncRun]:
    """The latest runs, newest first."""
    return list(
        await session.scalars(
            select(SyncRun)
            .where(SyncRun.business_id == business_id, SyncRun.rail == rail.value)
            .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
            .limit(limit)
        )
    )


async def ensure_states(session: AsyncSession, business_id: UUID, *, rail: Rail, entities: list[str]) -> None:
    """Make a row for each entity that has none yet, in the order of `change_states`."""
    rows = [{"business_id": business_id, "rail": rail.value, "entity": entity} for entity in sorted(entities)]
    await session.execute(insert(SyncState).values(rows).on_conflict_do_nothing())


async def hold_states(session: AsyncSession, business_id: UUID, *, rail: Rail, entities: Collection[str]) -> None:
    """Lock the lines, in the order of `change_states`: for who changes some of them and then, in the same transaction, others."""
    await session.execute(
        select(SyncState.entity)
        .where(SyncState.business_id == business_id, SyncState.rail == rail.value, SyncState.entity.in_(entities))
        .order_by(SyncState.entity)
        .with_for_update()
    )


async def change_states(
    session: AsyncSession, business_id: UUID, *, rail: Rail, entities: list[str], values: dict[str, Any]
) -> None:
    """In the order of the entities, as everybody, after the locks of the mirrors: two writers of the same lines must not wait for each other."""
    wanted = (SyncState.business_id == business_id, SyncState.rail == rail.value)
    in_hand = select(SyncState.entity).where(*wanted, SyncState.entity.in_(entities)).order_by(SyncState.entity)
    await session.execute(
        update(SyncState)
        .where(*wanted, SyncState.entity.in_(in_hand.with_for_update()))
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def note_kept(session: AsyncSession, business_id: UUID, *, rail: Rail, entities: list[str]) -> None:
    """Something was stored in these mirrors. After all that is stored: a refresh comes to these lines with its mirrors' locks in hand."""
    await change_states(session, business_id, rail=rail, entities=entities, values={"kept_at": func.clock_timestamp()})


def notice_after(asked_at: datetime) -> ColumnElement[datetime | None]:
    """What `dirty_since` becomes: a notice that came while we were asking stays, as its change may not be in the answer."""
    return case((SyncState.dirty_since > asked_at, SyncState.dirty_since), else_=null())


async def take_back_notice(
    session: AsyncSession, business_id: UUID, *, rail: Rail, entities: list[str], noted_at: datetime
) -> None:
    """What was noted then is in the mirrors; what was noted since stays."""
    left = case((SyncState.dirty_since == noted_at, null()), else_=SyncState.dirty_since)
    await change_states(session, business_id, rail=rail, entities=entities, values={"dirty_since": left})


async def begin_run(session: AsyncSession, run: SyncRun) -> None:
    """Write down that `run` begins. Those before it that still read `running` were cut off: say so, or they would read so for ever."""
    latest = run.started_at if run.kind == RunKind.BACKFILL.value else run.started_at - _LONGEST_REFRESH
    cut_off = await session.execute(
        update(SyncRun)
        .where(
            SyncRun.business_id == run.business_id,
            SyncRun.rail == run.rail,
            SyncRun.kind == run.kind,
            SyncRun.state == RunState.RUNNING.value,
            SyncRun.started_at <= latest,
        )
        .values(state=RunState.FAILED.value, error="cut off", finished_at=run.started_at)
        .returning(*_ENDED)
        .execution_options(synchronize_session=False)
    )
    _count_ended(cut_off)
    session.add(run)


async def change_run(session: AsyncSession, business_id: UUID, *, run_id: UUID, values: dict[str, Any]) -> None:
    changed = await session.execute(
        update(SyncRun)
        .where(SyncRun.business_id == business_id, SyncRun.id == run_id)
        .values(values)
        .returning(*_ENDED)
        .execution_options(synchronize_session=False)
    )
    _count_ended(changed)


def _count_ended(changed: Iterable[Any]) -> None:
    for kind, state, started_at, finished_at in changed:
        if finished_at is not None:
            note_run(kind, state, seconds=(finished_at - started_at).total_seconds())
