"""What came of a request, in one transaction: the edge, the evidence, the mirror."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.actions import edges, evidence, settling
from infra.actions.accept import BY_ACCESS
from infra.actions.classify import Reading, read_answer
from infra.actions.edges import Change
from infra.actions.evidence import AttemptKind
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail, AnswerKind, Payload, WriteAnswer
from infra.actions.spec import EchoDiffers, Found
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop
from infra.crash_points import crash_point
from infra.logging import get_logger

log = get_logger()

_S = ActionState
_MOST_REVISIONS = 5
KEEPS_CHANGING = "It was changed in the books each time we were about to write. Look at it there, and start again."


@dataclass(frozen=True)
class Sent:
    answer: WriteAnswer
    kind: AttemptKind
    began: datetime


@dataclass(frozen=True)
class _Understood:
    """What an answer comes to, once its content was looked at."""

    reading: Reading
    external_id: str | None = None
    payload: Payload | None = None
    differs: EchoDiffers | None = None
    event: str = "confirmed"


async def _understand(held: Held, rail: ActionRail, answer: WriteAnswer) -> _Understood:
    reading = read_answer(answer, manner=held.spec.manner, ever_ambiguous=held.row.ever_ambiguous)
    payload, event = answer.payload, "confirmed"
    if reading.look_for_own:
        try:
            finding = await held.spec.find_mark(rail, held.intent)
        except Exception as error:  # noqa: BLE001  # not knowing whose number it is, we know nothing
            log.warning("actions.own_number.not_read", error=type(error).__name__)
            return _Understood(Reading(_S.UNKNOWN))
        if not isinstance(finding, Found):
            # Nobody else has our mark for a number: taken, it is there, and cannot be seen yet.
            is_own = held.spec.is_numbered_by_mark(held.intent)
            return _Understood(Reading(_S.UNKNOWN) if is_own else reading)
        payload, event = finding.payload, "adopted"
    elif reading.to is not _S.CONFIRMED:
        return _Understood(reading)
    if payload is None:
        return _Understood(Reading(_S.UNKNOWN))
    echo = settling.check_echo(held, payload)
    if isinstance(echo, EchoDiffers):
        return _Understood(Reading(_S.UNKNOWN), differs=echo)
    return _Understood(Reading(_S.CONFIRMED), external_id=echo, payload=payload, event=event)


async def take_answer(shop: Workshop, held: Held, rail: ActionRail, sent: Sent) -> Held | None:
    """The answer in one transaction. Whoever lost the hold meanwhile leaves what it knows as evidence."""
    understood, row, answer = await _understand(held, rail, sent.answer), held.row, sent.answer
    details = _told(answer, sent.kind)
    async with shop.uow([row.business_id]) as uow:
        if understood.external_id is not None:
            change = settling.confirmed(shop, understood.event, details=details)
            moved = await settling.confirm(shop, uow, held, change=change, external_id=understood.external_id)
        else:
            moved = await edges.move(uow, row, _ended(shop, row, understood, answer=answer, details=details))
        crash_point("answer.moved")
        uow.session.add(
            evidence.of_send(
                row,
                answer,
                kind=sent.kind,
                worker=shop.worker,
                started_at=sent.began,
                external_id=understood.external_id,
            )
        )
        await uow.session.flush()  # as the log's row: an error of it belongs here
        crash_point("answer.evidence_written")
        if understood.payload is not None:
            seen = {held.spec.entity: [understood.payload]}
            await settling.keep(uow, rail, row, seen=seen, fetched_at=answer.answered_at)
        if moved is not None and understood.differs is not None:
            await shop.tell_of(uow, moved, ActionNoticeKind.ECHO_DIFFERS, str(understood.differs))
        crash_point("answer.before_commit")
    crash_point("answer.committed")
    if moved is None:
        await _leave_word(shop, row)
        return None
    held.row = moved
    return held if moved.state == _S.CONFIRMED.value else None


async def _leave_word(shop: Workshop, row: ActionIntent) -> None:
    """Somebody took the action for lost; what was just written as evidence settles it, so they look at once."""
    async with shop.uow([row.business_id]) as uow:
        current = await uow.session.get(ActionIntent, (row.business_id, row.id))
        if current is not None and current.state == _S.UNKNOWN.value and current.lease_until is None:
            await edges.defer(uow, current, after=timedelta(0), is_new_turn=True)


def _ended(
    shop: Workshop, row: ActionIntent, understood: _Understood, *, answer: WriteAnswer, details: Mapping[str, Any]
) -> Change:
    if understood.differs is not None:
        details = {**details, "differs": list(understood.differs.fields)}
        answer_words, code = str(understood.differs), "echo_differs"
    else:
        answer_words, code = answer.words, answer.code or answer.kind.value
    reading = understood.reading
    if reading.is_stale and row.revision >= _MOST_REVISIONS:
        reading, code, answer_words = Reading(_S.FAILED), "keeps_changing", KEEPS_CHANGING
    return unfinished(
        shop, row, reading, code=code, words=answer_words, rest=answer.retry_after_seconds, details=details
    )


def unfinished(
    shop: Workshop,
    row: ActionIntent,
    reading: Reading,
    *,
    code: str,
    words: str,
    rest: float | None,
    details: Mapping[str, Any] | None = None,
) -> Change:
    """The edge of every answer but a success."""
    rest_for = timedelta(seconds=rest or 0)
    values: dict[str, Any] = {"outcome_code": code, "outcome_words": words or None}
    details = {"code": code, **(details or {})}
    match reading.to:
        case ActionState.RETRY_WAIT:
            values |= {"waits": row.waits + 1, "is_stale": reading.is_stale}
            pause = timedelta(0) if reading.is_stale else shop.timing.pause(row.waits, share=shop.share())
            event = "stale" if reading.is_stale else "not_executed"
            return Change(_S.RETRY_WAIT, event, values, details, after=max(pause, rest_for))
        case ActionState.BLOCKED:
            values |= {"hold": BY_ACCESS, "held": words or None}
            return Change(_S.BLOCKED, "access_gone", values, details, after=shop.timing.access_every)
        case ActionState.UNKNOWN:
            values["ever_ambiguous"] = True
            if reading.was_not_executed:
                values["replays"] = max(row.replays - 1, 0)
            return Change(_S.UNKNOWN, "unknown", values, details, after=max(shop.timing.looks[0], rest_for))
        case _:
            return Change(_S.FAILED, "refused", values, {**details, "by": "rail"})


def _told(answer: WriteAnswer, kind: AttemptKind) -> dict[str, Any]:
    told = {
        "attempt": kind.value,
        "answer": answer.kind.value,
        "stage": answer.stage.value,
        "status": answer.status,
        "code": answer.code,
        "trace_id": answer.trace_id,
        "answer_digest": None if answer.digest is None else answer.digest.hex(),
        "answered_at": answer.answered_at.isoformat() if answer.kind is AnswerKind.DONE else None,
    }
    return {name: value for name, value in told.items() if value is not None}
