"""From a claim to a request: a live look, "send started" made durable, and one call."""

import asyncio
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, assert_never

from sqlalchemy import func

from infra import exact_json
from infra.actions import edges, evidence, settling
from infra.actions.accept import BY_ACCESS, BY_PERSON
from infra.actions.answering import Sent, take_answer, unfinished
from infra.actions.classify import Reading
from infra.actions.edges import Change
from infra.actions.evidence import AttemptKind
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail, Payload, Write, WriteAnswer
from infra.actions.spec import Adopt, EchoDiffers, Go, Manner, Objection, Refuse, Verdict, Wait
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop, origin_of
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork
from infra.errors import RailNeedsReconnect, RailRateLimited, RailUnavailable
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()

_S = ActionState


async def begin(shop: Workshop, held: Held) -> Held | None:
    """Look, and send if what is seen allows it. What is returned was confirmed and is still held: it is verified next."""
    crash_point("preflight.before")
    looked_at = shop.clock.now()
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
    return await _follow(shop, held, rail, verdict, looked_at=looked_at)


async def _follow(
    shop: Workshop, held: Held, rail: ActionRail, verdict: Verdict, *, looked_at: datetime
) -> Held | None:
    match verdict:
        case Go():
            return await send(shop, held, rail, go=verdict, looked_at=looked_at)
        case Adopt():
            return await adopt(shop, held, rail, verdict.payload)
        case Refuse():
            async with shop.uow([held.row.business_id]) as uow:
                await edges.move(uow, held.row, _refused(verdict))
                crash_point("refuse.before_commit")
            crash_point("refuse.committed")
            return None
    assert_never(verdict)


def _refused(refusal: Refuse) -> Change:
    values = {"outcome_code": refusal.code, "outcome_words": refusal.words, "seen": dict(refusal.seen)}
    return Change(_S.FAILED, "refused", values, details={"seen": refusal.seen, "by": "preflight"})


async def adopt(shop: Workshop, held: Held, rail: ActionRail, payload: Payload) -> Held | None:
    """It is there already, before we sent anything."""
    seen_at, echo = shop.clock.now(), settling.check_echo(held, payload)
    async with shop.uow([held.row.business_id]) as uow:
        if isinstance(echo, EchoDiffers):
            await _doubt(shop, uow, held, echo)
            return None
        moved = await settling.confirm(shop, uow, held, change=settling.confirmed(shop, "adopted"), external_id=echo)
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


async def send(shop: Workshop, held: Held, rail: ActionRail, *, go: Go, looked_at: datetime) -> Held | None:
    """Make "send started" durable, then send once, unless somebody objects or the claim is too old by then."""
    kind = evidence.kind_of_send(held.row)
    async with shop.uow([held.row.business_id]) as uow:
        objection = await _objection(shop, uow, held, rail, go=go, looked_at=looked_at)
        change = _start(shop, held, go, kind=kind) if objection is None else _stopped(objection)
        started = await edges.move(uow, held.row, change)
        crash_point("send.before_commit")
    crash_point("send.committed")
    if started is None:
        return None
    if objection is not None:
        if isinstance(objection, Wait):
            await shop.stopped(started)
        return None
    held.row = started
    began = shop.clock.now()
    if held.is_too_late_to_send(shop.timing):
        reading = Reading(_S.UNKNOWN if started.ever_ambiguous else _S.RETRY_WAIT, was_not_executed=True)
        async with shop.uow([started.business_id]) as uow:
            await edges.move(uow, started, unfinished(shop, started, reading, code="too_late", words="", rest=None))
        return None
    crash_point("send.before_call")
    answer = await _write(shop, held, rail, began=began)
    crash_point("send.after_call")
    return await take_answer(shop, held, rail, Sent(answer, kind, began))


async def _objection(
    shop: Workshop, uow: UnitOfWork, held: Held, rail: ActionRail, *, go: Go, looked_at: datetime
) -> Objection | None:
    """The last word, on the books as they were just read; without them there is none, and nothing is sent.

    Who takes an approval back meanwhile waits for the action's lock.
    """
    if held.state is not _S.CLAIMED:
        return None
    await IdentityGraph(uow.session, held.row.business_id).get(held.row.id, is_to_change=True)
    read = {entity: list(payloads) for entity, payloads in go.read.items()}
    await settling.bring(uow, rail, held.row, seen=read, fetched_at=looked_at)
    return await shop.last_word(uow, held.row)


def _stopped(objection: Objection) -> Change:
    match objection:
        case Refuse():
            return _refused(objection)
        case Wait(words):
            return Change(_S.BLOCKED, "held", {"hold": BY_PERSON, "held": words}, {"by": "last_word"})
    assert_never(objection)


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
