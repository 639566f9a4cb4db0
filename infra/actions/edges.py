"""The only writer of an action's rows: each change with its log row, its bell and its next step, in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, inspect, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions.models import ActionIntent, ActionTransactionLog
from infra.actions.states import SETTLED, ActionState
from infra.actions.workshop import QUEUE, WORK_JOB
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWork
from infra.jobs import outbox
from infra.sync.shapes import LogSource

CHANNEL: Final = "oodaloo_actions"
WORKER_ACTOR: Final = f"job:{WORK_JOB}"
_LOG = insert(Base.metadata.tables[ActionTransactionLog.__tablename__])
_RING = text("SELECT pg_notify(:channel, :bell)")
_UNLOGGED = frozenset({"body", "lease_owner", "lease_until", "due_at", "changed_at"})
_LOGGED = tuple(column.key for column in inspect(ActionIntent).columns if column.key not in _UNLOGGED)


class Keep(Enum):
    """The time of the next step stays as it is."""

    DUE = "due"


@dataclass(frozen=True)
class Change:
    """What is written of an action.

    Attributes:
        to: the state it has then, the same for an event.
        event: the log row's name for it.
        values: columns, by name.
        details: what else the log row tells.
        after: when the next step is due from now; None: there is none.
        lease: the worker keeps it for so long; None: it is let go.
    """

    to: ActionState
    event: str
    values: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta | Keep | None = None
    lease: timedelta | None = None
    actor: str = WORKER_ACTOR
    request_id: str | None = None


async def move(uow: UnitOfWork, row: ActionIntent, change: Change) -> ActionIntent | None:
    """Write a change if the action is still in the state, and at the fence, that `row` has; None when it is not.

    A change is progress; the values of one that is not say so (`NO_PROGRESS`).
    """
    session, was = uow.session, row.state
    values: dict[str, Any] = {
        "attempts": 0,
        "struggling_since": None,
        "state": change.to.value,
        "version": ActionIntent.version + 1,
        "changed_at": func.clock_timestamp(),
        "lease_until": null() if change.lease is None else func.clock_timestamp() + change.lease,
    }
    if change.lease is None:
        values["lease_owner"] = None
    if not isinstance(change.after, Keep):
        values["due_at"] = null() if change.after is None else func.clock_timestamp() + change.after
    if change.to in SETTLED and was != change.to:
        values["settled_at"] = func.clock_timestamp()
    if change.to is not ActionState.BLOCKED:
        values |= {"hold": None, "held": None}
    moved = await _update(session, row, {**values, **change.values})
    if moved is None:
        return None
    await log_change(session, moved, change, was=was)
    if isinstance(change.after, timedelta):
        await ask_for_step(uow, moved, after=change.after)
    return moved


async def log_change(session: AsyncSession, row: ActionIntent, change: Change, *, was: str | None) -> None:
    """The version's log row, and the bell for whoever watches."""
    await write_log(session, row, change, was=was)
    await session.execute(_RING, {"channel": CHANNEL, "bell": f"{row.business_id} {row.id} {row.state}"})


async def write_log(session: AsyncSession, row: ActionIntent, change: Change, *, was: str | None) -> None:
    """The version's log row."""
    await session.execute(_LOG, entry_of(row, change, was=was))


def entry_of(row: ActionIntent, change: Change, *, was: str | None) -> dict[str, Any]:
    """The columns of a version's log row."""
    steps = {} if was == row.state else {"state": [was, row.state]}
    body = row.body.decode() if row.body is not None and "body" in change.values else None
    return {
        "business_id": row.business_id,
        "entity_id": row.id,
        "version": row.version,
        "transaction_type": change.event,
        "source": (LogSource.SYSTEM if change.actor.startswith("job:") else LogSource.USER).value,
        "actor": change.actor,
        "request_id": change.request_id or row.asked_by_request,
        "snapshot": snapshot_of(row),
        "changes": {**steps, **({} if body is None else {"body": body}), **change.details},
    }


async def ask_for_step(uow: UnitOfWork, row: ActionIntent, *, after: timedelta) -> None:
    """The job that takes the next step, once for this version and fence."""
    ring = await outbox.ask_once(
        uow.session,
        WORK_JOB,
        str(row.business_id),
        str(row.id),
        key=step_key(row.id, version=row.version, fence=row.fence),
        queue=QUEUE,
        business_id=row.business_id,
        is_needed_after=False,
        after=max(after, timedelta(0)),
    )
    uow.ring_for(ring)


def step_key(intent_id: UUID, *, version: int, fence: int) -> str:
    return f"{intent_id}/{version}.{fence}"


async def defer(
    uow: UnitOfWork, row: ActionIntent, *, after: timedelta | None, is_progress: bool = True, is_new_turn: bool = False
) -> None:
    """Let go of what was only looked at, and come back later: nothing happened to the action, so its log has no row of it.

    `is_new_turn` when nobody has it, and its next step is asked for already, at another time: the fence keeps the two apart.
    """
    due = null() if after is None else func.clock_timestamp() + after
    progress: dict[str, Any] = {"attempts": 0, "struggling_since": None} if is_progress else {}
    values = {"due_at": due, "lease_owner": None, "lease_until": null(), **progress}
    if is_new_turn:
        values["fence"] = row.fence + 1
    deferred = await _update(uow.session, row, values)
    if deferred is not None and after is not None:
        await ask_for_step(uow, deferred, after=after)


async def take_lease(session: AsyncSession, row: ActionIntent, *, owner: str, lease: timedelta) -> ActionIntent | None:
    """Take it for a look: the fence rises, nothing else changes."""
    until = func.clock_timestamp() + lease
    return await _update(session, row, {**claim_values(row, owner), "lease_until": until, "due_at": until})


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    instant: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return instant


def claim_values(row: ActionIntent, owner: str) -> dict[str, Any]:
    """What any taking of an action writes; whatever comes of it sets the attempts back."""
    return {
        "fence": row.fence + 1,
        "lease_owner": owner,
        "attempts": ActionIntent.attempts + 1,
        "struggling_since": func.coalesce(ActionIntent.struggling_since, func.clock_timestamp()),
    }


NO_PROGRESS: Final[Mapping[str, Any]] = {
    "attempts": ActionIntent.attempts,
    "struggling_since": ActionIntent.struggling_since,
}


async def _update(session: AsyncSession, row: ActionIntent, values: Mapping[str, Any]) -> ActionIntent | None:
    statement = (
        update(ActionIntent)
        .where(
            ActionIntent.business_id == row.business_id,
            ActionIntent.id == row.id,
            ActionIntent.state == row.state,
            ActionIntent.fence == row.fence,
        )
        .values(**values)
        .returning(ActionIntent)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


def snapshot_of(row: ActionIntent) -> dict[str, Any]:
    """The action's whole state for its log; of the request's bytes their hash, which the row that froze them shows in full."""
    return {name: _shown(value) for name in _LOGGED if (value := getattr(row, name)) is not None}


def _shown(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value
