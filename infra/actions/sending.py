"""From a claim to an answer: a live look, "send started" made durable, one request, and what came of it in one transaction."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, assert_never

from sqlalchemy import func

from infra import exact_json
from infra.actions import edges, evidence, settling
from infra.actions.accept import BY_ACCESS
from infra.actions.classify import Reading, read_answer
from infra.actions.edges import Change
from infra.actions.evidence import AttemptKind
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail, AnswerKind, Payload, Write, WriteAnswer
from infra.actions.spec import Adopt, EchoDiffers, Found, Go, Manner, Refuse, Verdict
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop, origin_of
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork
from infra.errors import RailNeedsReconnect, RailRateLimited, RailUnavailable
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()

_S = ActionState
_MOST_REVISIONS = 5
KEEPS_CHANGING = "It was changed in the books each time we were about to write. Look at it there, and start again."


async def begin(shop: Workshop, held: Held) -> Held | None:
    """Look, and send if what is seen allows it. What is returned was confirmed and is still held: it is verified next."""
    crash_point("preflight.before")
    try:
        async with asyncio.timeout(shop.timing.preflight_within.total_seconds()):
            rail = await shop.reach(held.row)
            verdict = await held.spec.preflight(rail, held.intent)
    except RailNeedsReconnect as error:
        await _block(shop, held, words_of(error))
        return None
    except Exception as error:  # noqa: BLE001  # whatever a look ends with, nothing was sent, and it is tried again
        await _wait(shop, held, error)
        return None
    crash_point("preflight.after")
    return await _follow(shop, held, rail, verdict)


async def _follow(shop: Workshop, held: Held, rail: ActionRail, verdict: Verdict) -> Held | None:
    match verdict:
        case Go():
            return await send(shop, held, rail, go=verdict)
        case Adopt():
            return await adopt(shop, held, rail, verdict.payload)
        case Refuse():
            values = {"outcome_code": verdict.code, "outcome_words": verdict.words, "seen": dict(verdict.seen)}
            change = Change(_S.FAILED, "refused", values, details={"seen": verdict.seen, "by": "preflight"})
            async with shop.uow([held.row.business_id]) as uow:
                await edges.move(uow, held.row, change)
                crash_point("refuse.before_commit")
            crash_point("refuse.committed")
            return None
    assert_never(verdict)


async def adopt(shop: Workshop, held: Held, rail: ActionRail, payload: Payload) -> Held | None:
    """It is there already, before we sent anything."""
    seen_at, echo = shop.clock.now(), settling.check_echo(held, payload)
    async with shop.uow([held.row.business_id]) as uow:
        if isinstance(echo, EchoDiffers):
            await _doubt(shop, uow, held, echo)
            return None
        moved = await settling.confirm(shop, uow, held, change=confirmed(shop, "adopted"), external_id=echo)
        if moved is None or moved.state != _S.CONFIRMED.value:
            return None
        await settling.keep(uow, rail, moved, seen={held.spec.entity: [payload]}, fetched_at=seen_at)
    held.row = moved
    return held


async def _doubt(shop: Workshop, uow: UnitOfWork, held: Held, echo: EchoDiffers) -> None:
    values = {"ever_ambiguous": True, "outcome_code": "echo_differs", "outcome_words": str(echo)}
    moved = await edges.move(
        uow, held.row, Change(_S.UNKNOWN, "echo_differs", values, {"fields": echo.fields}, after=shop.timing.looks[0])
    )
    if moved is not None:
        await shop.tell_of(uow, moved, ActionNoticeKind.ECHO_DIFFERS, str(echo))


async def send(shop: Workshop, held: Held, rail: ActionRail, *, go: Go) -> Held | None:
    """Make "send started" durable, then send once, unless the claim is too old by then."""
    kind = evidence.kind_of_send(held.row)
    async with shop.uow([held.row.business_id]) as uow:
        started = await edges.move(uow, held.row, _start(shop, held, go, kind=kind))
        crash_point("send.before_commit")
    crash_point("send.committed")
    if started is None:
        return None
    held.row = started
    began = shop.clock.now()
    if held.is_too_late_to_send(shop.timing):
        reading = Reading(_S.UNKNOWN if started.ever_ambiguous else _S.RETRY_WAIT, was_not_executed=True)
        async with shop.uow([started.business_id]) as uow:
            await edges.move(uow, started, _unfinished(shop, started, reading, code="too_late", words="", rest=None))
        return None
    crash_point("send.before_call")
    answer = await _write(shop, held, rail, began=began)
    crash_point("send.after_call")
    return await _take_answer(shop, held, rail, _Sent(answer, kind, began))


def _start(shop: Workshop, held: Held, go: Go, *, kind: AttemptKind) -> Change:
    row, now = held.row, func.clock_timestamp()
    values: dict[str, Any] = {
        "first_sent_at": func.coalesce(ActionIntent.first_sent_at, now),
        "last_sent_at": now,
        "due_at": now + shop.timing.lease,
        "seen": dict(go.seen),
        "is_stale": False,
        "negative_probes": 0,
    }
    if row.ever_ambiguous:
        values["replays"] = row.replays + 1
    if held.spec.manner is Manner.CHANGE and (row.body is None or row.is_stale):
        assert go.body is not None, f"the preflight of {row.operation} gives no body"  # noqa: S101 - a declaration's slip
        body = exact_json.dumps(go.body)
        revision = row.revision + 1 if row.is_stale else row.revision
        values |= {
            "body": body,
            "body_hash": sha256(body).digest(),
            "revision": revision,
            "rail_request_id": origin_of(row).request_id(revision),
        }
    return Change(_S.SENDING, "send_started", values, {"seen": go.seen, "attempt": kind.value}, lease=shop.timing.lease)


async def _write(shop: Workshop, held: Held, rail: ActionRail, *, began: datetime) -> WriteAnswer:
    row, spec = held.row, held.spec
    assert row.body is not None  # noqa: S101 - the database lets nothing be sent without
    write = Write(
        entity=spec.entity,
        body=row.body,
        request_id=row.rail_request_id,
        options=spec.options(row.meaning),
        subpath=spec.subpath(row.meaning),
    )
    try:
        async with asyncio.timeout(shop.timing.write_within.total_seconds()):
            return await rail.write(write)
    except TimeoutError:
        return evidence.lost_send(began, "No answer came in time.")
    except Exception as error:
        log.exception("actions.write.raised", operation=row.operation)
        return evidence.lost_send(began, f"The call ended in {type(error).__name__}.")


@dataclass(frozen=True)
class _Sent:
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
            return _Understood(reading)
        payload, event = finding.payload, "adopted"
    elif reading.to is not _S.CONFIRMED:
        return _Understood(reading)
    if payload is None:
        return _Understood(Reading(_S.UNKNOWN))
    echo = settling.check_echo(held, payload)
    if isinstance(echo, EchoDiffers):
        return _Understood(Reading(_S.UNKNOWN), differs=echo)
    return _Understood(Reading(_S.CONFIRMED), external_id=echo, payload=payload, event=event)


async def _take_answer(shop: Workshop, held: Held, rail: ActionRail, sent: _Sent) -> Held | None:
    """The answer in one transaction. Whoever lost the hold meanwhile leaves what it knows as evidence."""
    understood, row, answer = await _understand(held, rail, sent.answer), held.row, sent.answer
    details = _told(answer, sent.kind)
    async with shop.uow([row.business_id]) as uow:
        if understood.external_id is not None:
            change = confirmed(shop, understood.event, details=details)
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
    return _unfinished(
        shop, row, reading, code=code, words=answer_words, rest=answer.retry_after_seconds, details=details
    )


def _unfinished(
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


def confirmed(shop: Workshop, event: str, *, details: Mapping[str, Any] | None = None) -> Change:
    """Still held: the first verification follows at once; if we die before it, the sweep finds it when the lease is over."""
    lease = shop.timing.lease
    due = {"due_at": func.clock_timestamp() + lease}
    return Change(_S.CONFIRMED, event, due, details=details or {}, lease=lease)


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


async def _block(shop: Workshop, held: Held, words: str) -> None:
    values = {"hold": BY_ACCESS, "held": words, "outcome_code": "access_gone", "outcome_words": words}
    async with shop.uow([held.row.business_id]) as uow:
        await edges.move(uow, held.row, Change(_S.BLOCKED, "access_gone", values, after=shop.timing.access_every))


async def _wait(shop: Workshop, held: Held, error: Exception) -> None:
    """Nothing was sent. That a rail is away is nobody's fault; what else goes wrong again and again is parked some time."""
    is_away = isinstance(error, RailUnavailable | TimeoutError)
    if not is_away:
        log.error("actions.preflight.failed", operation=held.row.operation, exc_info=error)
    rest = error.retry_after_seconds if isinstance(error, RailRateLimited) else 0.0
    pause = shop.timing.pause(held.row.waits, share=shop.share())
    words = words_of(error) or type(error).__name__
    values: dict[str, Any] = {"waits": held.row.waits + 1, "outcome_code": "not_read", "outcome_words": words}
    if not is_away:
        values |= edges.NO_PROGRESS
    change = Change(_S.RETRY_WAIT, "not_read", values, after=max(pause, timedelta(seconds=rest)))
    async with shop.uow([held.row.business_id]) as uow:
        await edges.move(uow, held.row, change)
