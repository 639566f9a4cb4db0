"""Reads of actions for those who show them. Every one filters by the business once more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions.errors import IntentNotFound
from infra.actions.models import ActionAttempt, ActionIntent, ActionLine, ActionTransactionLog
from infra.actions.states import ActionState

_AFTER_EVERY_HEX = "z"
RELEASES = ("released", "brought_forward")


@dataclass(frozen=True)
class ActionFilter:
    """Empty `states`, `operations`: any. `before` is the key of the last one seen."""

    states: Collection[ActionState] = ()
    operations: Collection[str] = ()
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def get_intent(session: AsyncSession, business_id: UUID, intent_id: UUID) -> ActionIntent:
    """Read one.

    Raises:
        IntentNotFound: none of that id.
    """
    intent = await session.get(ActionIntent, (business_id, intent_id), populate_existing=True)
    if intent is None:
        raise IntentNotFound(intent_id)
    return intent


async def find_last_release(session: AsyncSession, intent: ActionIntent) -> ActionTransactionLog | None:
    """The log row of who last let it go; None where nobody had to."""
    row: ActionTransactionLog | None = await session.scalar(
        select(ActionTransactionLog)
        .where(
            ActionTransactionLog.business_id == intent.business_id,
            ActionTransactionLog.entity_id == intent.id,
            ActionTransactionLog.transaction_type.in_(RELEASES),
        )
        .order_by(ActionTransactionLog.version.desc())
        .limit(1)
    )
    return row


async def get_intents(
    session: AsyncSession, business_id: UUID, intent_ids: Collection[UUID]
) -> dict[UUID, ActionIntent]:
    """Those that are there, by id."""
    query = select(ActionIntent).where(ActionIntent.business_id == business_id, ActionIntent.id.in_(intent_ids))
    rows = await session.scalars(query.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


async def find_by_key(
    session: AsyncSession, business_id: UUID, *, operation: str, client_key: str
) -> ActionIntent | None:
    found: ActionIntent | None = await session.scalar(
        select(ActionIntent).where(
            ActionIntent.business_id == business_id,
            ActionIntent.operation == operation,
            ActionIntent.client_key == client_key,
        )
    )
    return found


async def list_by_key_prefix(
    session: AsyncSession, business_id: UUID, *, operation: str, prefix: str
) -> Sequence[ActionIntent]:
    """Those whose keys begin so; `prefix` and what follows it are hexadecimal digits, which sort alike in every collation."""
    key = ActionIntent.client_key
    return (
        await session.scalars(
            select(ActionIntent).where(
                ActionIntent.business_id == business_id,
                ActionIntent.operation == operation,
                key >= prefix,
                key < prefix + _AFTER_EVERY_HEX,
                func.starts_with(key, prefix),
            )
        )
    ).all()


async def list_intents(session: AsyncSession, business_id: UUID, asked: ActionFilter) -> Sequence[ActionIntent]:
    """The latest first."""
    query = select(ActionIntent).where(ActionIntent.business_id == business_id)
    if asked.states:
        query = query.where(ActionIntent.state.in_([state.value for state in asked.states]))
    if asked.operations:
        query = query.where(ActionIntent.operation.in_(asked.operations))
    if asked.before is not None:
        query = query.where(tuple_(ActionIntent.created_at, ActionIntent.id) < tuple_(*asked.before))
    order = (ActionIntent.created_at.desc(), ActionIntent.id.desc())
    return (await session.scalars(query.order_by(*order).limit(asked.limit))).all()


async def list_holding(
    session: AsyncSession, business_id: UUID, *, kinds: Collection[str], external_ids: Collection[str]
) -> dict[str, ActionIntent]:
    """By the rail's id of what they have hold of: actions that are not over, the latest of several."""
    rows = await session.execute(
        select(ActionLine.target_external_id, ActionIntent)
        .join(
            ActionIntent,
            (ActionIntent.business_id == ActionLine.business_id) & (ActionIntent.id == ActionLine.intent_id),
        )
        .where(
            ActionLine.business_id == business_id,
            ActionLine.is_open,
            ActionLine.target_kind.in_(kinds),
            ActionLine.target_external_id.in_(external_ids),
        )
        .order_by(ActionIntent.created_at)
    )
    return {row[0]: row[1] for row in rows}


async def lines_of(
    session: AsyncSession, business_id: UUID, intent_ids: Collection[UUID]
) -> dict[UUID, list[ActionLine]]:
    """The lines of each, in order."""
    rows = await session.scalars(
        select(ActionLine)
        .where(ActionLine.business_id == business_id, ActionLine.intent_id.in_(intent_ids))
        .order_by(ActionLine.intent_id, ActionLine.number)
    )
    lines: dict[UUID, list[ActionLine]] = {intent_id: [] for intent_id in intent_ids}
    for line in rows:
        lines[line.intent_id].append(line)
    return lines


async def attempts_of(session: AsyncSession, business_id: UUID, intent_id: UUID) -> Sequence[ActionAttempt]:
    """What each send, look and check came to, the oldest first."""
    return (
        await session.scalars(
            select(ActionAttempt)
            .where(ActionAttempt.business_id == business_id, ActionAttempt.intent_id == intent_id)
            .order_by(ActionAttempt.id)
        )
    ).all()


async def log_of(session: AsyncSession, business_id: UUID, intent_id: UUID) -> Sequence[ActionTransactionLog]:
    """Every edge and event, the oldest first."""
    return (
        await session.scalars(
            select(ActionTransactionLog)
            .where(ActionTransactionLog.business_id == business_id, ActionTransactionLog.entity_id == intent_id)
            .order_by(ActionTransactionLog.version)
        )
    ).all()
