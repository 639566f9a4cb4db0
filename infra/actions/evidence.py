"""What was tried and what was seen, kept whoever says it: a worker that lost its hold may still know what happened."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions.models import ActionAttempt, ActionIntent
from infra.actions.rail import AnswerKind, SendStage, WriteAnswer
from infra.ids import new_id


class AttemptKind(StrEnum):
    FIRST = "first"
    RESEND = "resend"  # all before were surely not executed
    REPLAY = "replay"  # the same request again, since one before may have been executed
    PREFLIGHT = "preflight"
    PROBE = "probe"
    CHECK = "check"
    REVIEW = "review"


FOUND, NOT_FOUND, NOT_READ = "found", "not_found", "not_read"
SENDS = (AttemptKind.FIRST.value, AttemptKind.RESEND.value, AttemptKind.REPLAY.value)


def kind_of_send(row: ActionIntent) -> AttemptKind:
    """Of the request that an action in this state makes next."""
    if row.ever_ambiguous:
        return AttemptKind.REPLAY
    return AttemptKind.FIRST if row.first_sent_at is None else AttemptKind.RESEND


def of_send(
    row: ActionIntent,
    answer: WriteAnswer,
    *,
    kind: AttemptKind,
    worker: str,
    started_at: datetime,
    external_id: str | None,
) -> ActionAttempt:
    return _attempt(
        row,
        kind,
        worker=worker,
        started_at=started_at,
        result=answer.kind.value,
        stage=answer.stage.value,
        status=answer.status,
        code=answer.code,
        words=answer.words or None,
        trace_id=answer.trace_id,
        answer_digest=answer.digest,
        external_id=external_id,
        details={"answered_at": answer.answered_at.isoformat()},
    )


def of_look(
    row: ActionIntent,
    kind: AttemptKind,
    *,
    worker: str,
    started_at: datetime,
    result: str,
    words: str | None = None,
    external_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> ActionAttempt:
    return _attempt(
        row,
        kind,
        worker=worker,
        started_at=started_at,
        result=result,
        words=words,
        external_id=external_id,
        details=dict(details or {}),
    )


def lost_send(answered_at: datetime, words: str) -> WriteAnswer:
    """What we make of a rail that broke its word and raised, or did not come back in time."""
    return WriteAnswer(AnswerKind.DOUBTFUL, SendStage.SENT, answered_at, words=words)


async def list_attempts(session: AsyncSession, row: ActionIntent, *, limit: int = 200) -> list[ActionAttempt]:
    """In the order they ended."""
    query = (
        select(ActionAttempt)
        .where(ActionAttempt.business_id == row.business_id, ActionAttempt.intent_id == row.id)
        .order_by(ActionAttempt.id)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def list_answered_ids(session: AsyncSession, row: ActionIntent) -> list[str]:
    """Ids that the rail itself gave as the answer to our request, though nobody could act on it in time."""
    query = (
        select(ActionAttempt.external_id)
        .where(
            ActionAttempt.business_id == row.business_id,
            ActionAttempt.intent_id == row.id,
            ActionAttempt.kind.in_(SENDS),
            ActionAttempt.result == AnswerKind.DONE.value,
            ActionAttempt.external_id.is_not(None),
        )
        .distinct()
    )
    return [external_id for external_id in await session.scalars(query) if external_id is not None]


def _attempt(
    row: ActionIntent, kind: AttemptKind, *, worker: str, started_at: datetime, result: str, **more: Any
) -> ActionAttempt:
    return ActionAttempt(
        business_id=row.business_id,
        id=new_id(),
        intent_id=row.id,
        kind=kind.value,
        fence=row.fence,
        worker=worker,
        rail_request_id=row.rail_request_id,
        started_at=started_at,
        result=result,
        **more,
    )
