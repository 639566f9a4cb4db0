"""Finding out what became of a request whose outcome is not known: by looking, and by telling the very same again.

The same look serves what was given up or is in a person's hands, as long as it is watched.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from infra.actions import edges, evidence, sending, settling
from infra.actions.edges import Change
from infra.actions.evidence import AttemptKind
from infra.actions.judging import Doubt, Next, judge
from infra.actions.models import ActionAttempt, ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail
from infra.actions.spec import Adopt, EchoDiffers, Finding, Found, Go, Manner, NotThere, Refuse, Verdict
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork
from infra.errors import RailNeedsReconnect, RailRateLimited, RailUnavailable
from infra.logging import get_logger
from infra.redaction import words_of

log = get_logger()

_S = ActionState
REVIEW_WORDS = (
    "It could be proved neither way. Look for the reference {mark} in the books, and say whether it is there."
)
_CLOSED_WORDS = "It was not recorded, and can not be any more: what it was for was changed or settled by somebody else."
_DUPLICATE_WORDS = "More than one object carries the reference {mark}: {ids}. Only one was asked for."


async def resolve(shop: Workshop, held: Held) -> Held | None:
    """One look for an outcome. What is returned was confirmed and is still held: it is verified next."""
    began = shop.clock.now()
    crash_point("resolve.before_look")
    try:
        async with asyncio.timeout(shop.timing.preflight_within.total_seconds()):
            rail = await shop.reach(held.row)
            finding = await look(shop, held, rail)
    except Exception as error:  # noqa: BLE001  # a look that fails says nothing; the next one may
        await not_read(shop, held, error, kind=AttemptKind.PROBE, began=began)
        return None
    crash_point("resolve.after_look")
    if isinstance(finding, Found):
        return await _found(shop, held, rail, finding, began=began)
    if held.state is not _S.UNKNOWN:
        await _not_there_yet(shop, held, finding, began=began)
        return None
    return await _denied(shop, held, rail, finding, began=began)


async def look(shop: Workshop, held: Held, rail: ActionRail) -> Finding:
    """What the rail itself answered to a worker that came too late is the best evidence; then the mark."""
    async with shop.uow([held.row.business_id]) as uow:
        answered = await evidence.list_answered_ids(uow.session, held.row)
    for external_id in answered:
        payload = await rail.read(held.spec.entity, external_id)
        if payload is not None and held.spec.manner is Manner.CREATE:
            return Found(payload)
    return await held.spec.find_mark(rail, held.intent)


async def _found(shop: Workshop, held: Held, rail: ActionRail, finding: Found, *, began: datetime) -> Held | None:
    row, echo, was = held.row, settling.made_by(held, finding.payload), held.state
    external_id = None if isinstance(echo, EchoDiffers) else echo
    probe = evidence.of_look(
        row, AttemptKind.PROBE, worker=shop.worker, started_at=began, result=evidence.FOUND, external_id=external_id
    )
    async with shop.uow([row.business_id]) as uow:
        uow.session.add(probe)
        if isinstance(echo, EchoDiffers):
            moved = await _differs(shop, held, echo, uow=uow)
        else:
            event = "late_found" if was is _S.FAILED else "found"
            change = settling.confirmed(shop, event)
            moved = await settling.confirm(shop, uow, held, change=change, external_id=echo)
            is_confirmed = moved is not None and moved.state == _S.CONFIRMED.value
            if moved is not None and is_confirmed and was is _S.FAILED:
                words = f"It was given up, and is in the books after all: number {echo}."
                await shop.tell_of(uow, moved, ActionNoticeKind.LATE_FOUND, words)
        await tell_of_others(shop, uow, moved, finding)
        await settling.keep(uow, rail, row, seen={held.spec.entity: [finding.payload]}, fetched_at=began)
        crash_point("resolve.before_commit")
    crash_point("resolve.committed")
    if moved is None or moved.state != _S.CONFIRMED.value:
        return None
    held.row = moved
    return held


async def tell_of_others(shop: Workshop, uow: UnitOfWork, row: ActionIntent | None, finding: Found) -> None:
    if row is not None and finding.others:
        words = _DUPLICATE_WORDS.format(mark=row.mark, ids=", ".join(finding.others))
        await shop.tell_of(uow, row, ActionNoticeKind.DUPLICATE, words)


async def _differs(shop: Workshop, held: Held, echo: EchoDiffers, *, uow: UnitOfWork) -> ActionIntent | None:
    """Our mark, and not what we sent: changed since, or taken over by somebody. A person decides."""
    to = _S.NEEDS_REVIEW if held.state is _S.UNKNOWN else held.state
    values = {"outcome_code": "echo_differs", "outcome_words": str(echo)}
    change = Change(to, "echo_differs", values, {"fields": echo.fields}, after=_until_watched_again(shop, held))
    moved = await edges.move(uow, held.row, change)
    if moved is not None:
        await shop.tell_of(uow, moved, ActionNoticeKind.ECHO_DIFFERS, str(echo))
    return moved


async def _not_there_yet(shop: Workshop, held: Held, finding: NotThere, *, began: datetime) -> None:
    """Given up, or in a person's hands: nothing new."""
    async with shop.uow([held.row.business_id]) as uow:
        uow.session.add(_not_found(shop, held, finding, began=began))
        await edges.defer(uow, held.row, after=_until_watched_again(shop, held))


async def _denied(shop: Workshop, held: Held, rail: ActionRail, finding: NotThere, *, began: datetime) -> Held | None:
    row, timing = held.row, shop.timing
    quiet = held.elapsed_since(row.last_sent_at)
    is_denial = timing.is_settled(quiet)
    doubt = Doubt(
        manner=held.spec.manner,
        quiet=quiet,
        age=held.elapsed_since(row.first_sent_at or row.last_sent_at),
        denials=row.negative_probes + is_denial,
        replays=row.replays,
        trusts_request_id=shop.trusts_request_id(row.operation),
    )
    following = judge(finding, doubt, timing)
    if following is Next.REPLAY:
        match await _look_before_replay(shop, held, rail):
            case None:
                return None
            case Go() as go:
                return await sending.send(shop, held, rail, go=go, looked_at=began)
            case Adopt(payload=payload):
                return await _found(shop, held, rail, Found(payload), began=shop.clock.now())
            case Refuse():
                # What stands in the way of telling it again may be our own, on its way: it is no reason to fail.
                following = judge(finding, replace(doubt, replays=timing.most_replays), timing)
    change = _after(shop, held, following, denials=doubt.denials)
    async with shop.uow([row.business_id]) as uow:
        uow.session.add(_not_found(shop, held, finding, began=began))
        moved = await edges.move(uow, row, change)
        if moved is not None and change.to is _S.NEEDS_REVIEW:
            await shop.tell_of(uow, moved, ActionNoticeKind.NEEDS_REVIEW, change.values["outcome_words"])
    return None


async def _look_before_replay(shop: Workshop, held: Held, rail: ActionRail) -> Verdict | None:
    """The same live look as at first: what follows is the same bytes under the same id. None: there was no seeing."""
    crash_point("resolve.before_replay")
    began = shop.clock.now()
    try:
        async with asyncio.timeout(shop.timing.preflight_within.total_seconds()):
            return await held.spec.preflight(rail, held.intent)
    except Exception as error:  # noqa: BLE001  # as a look that fails
        await not_read(shop, held, error, kind=AttemptKind.PREFLIGHT, began=began)
        return None


def _after(shop: Workshop, held: Held, following: Next, *, denials: int) -> Change:
    row, timing = held.row, shop.timing
    counted: dict[str, Any] = {"negative_probes": denials}
    quiet = held.elapsed_since(row.last_sent_at)
    match following:
        case Next.FAIL:
            values = {
                **counted,
                "release_reason": "closed_elsewhere",
                "outcome_code": "closed_elsewhere",
                "outcome_words": _CLOSED_WORDS,
            }
            return Change(_S.FAILED, "released", values, after=timing.probe_hourly)
        case Next.REVIEW:
            words = REVIEW_WORDS.format(mark=row.mark)
            values = {**counted, "outcome_code": "unproved", "outcome_words": words}
            return Change(_S.NEEDS_REVIEW, "review_opened", values, after=timing.until_next_look(quiet))
        case _:
            after = timing.until_next_look(quiet) or timing.probe_daily
            if (
                quiet >= timing.review_after
            ):  # denials alone are missing, since the rail was away: no need to wait for the next hour
                after = min(after, timing.probes[0])
            return Change(_S.UNKNOWN, "probed", counted, {"denials": denials}, after=after)


def _until_watched_again(shop: Workshop, held: Held) -> timedelta | None:
    started = held.row.settled_at or held.row.last_sent_at
    return shop.timing.until_next_look(max(held.elapsed_since(started), shop.timing.review_after))


def _not_found(shop: Workshop, held: Held, finding: NotThere, *, began: datetime) -> ActionAttempt:
    return evidence.of_look(
        held.row,
        AttemptKind.PROBE,
        worker=shop.worker,
        started_at=began,
        result=evidence.NOT_FOUND,
        details={
            "seen": dict(finding.seen),
            "is_impossible": finding.is_impossible,
            "is_unmoved": finding.is_unmoved,
        },
    )


async def not_read(shop: Workshop, held: Held, error: Exception, *, kind: AttemptKind, began: datetime) -> None:
    """The rail did not answer, or not to us: look again, less and less often."""
    row, timing = held.row, shop.timing
    is_away = isinstance(error, RailUnavailable | RailNeedsReconnect | TimeoutError)
    if not is_away:
        log.error("actions.look.failed", operation=row.operation, kind=kind.value, exc_info=error)
    waited = held.elapsed_since(row.last_sent_at or row.changed_at) / 4
    rest = timedelta(seconds=error.retry_after_seconds) if isinstance(error, RailRateLimited) else timedelta(0)
    pause = max(timing.not_read_every, min(waited, timing.retry_longest), rest)
    look_in_vain = evidence.of_look(
        row, kind, worker=shop.worker, started_at=began, result=evidence.NOT_READ, words=words_of(error)
    )
    async with shop.uow([row.business_id]) as uow:
        uow.session.add(look_in_vain)
        await edges.defer(uow, row, after=pause, is_progress=is_away)
