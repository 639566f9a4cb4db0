"""Looking again at what was confirmed: it is there, once, and as it was sent; and what hangs on it comes into the mirror."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError

from infra.actions import edges, evidence, settling
from infra.actions.edges import Change
from infra.actions.evidence import AttemptKind
from infra.actions.models import ActionAttempt, ActionIntent, ActionLine
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail, Payload
from infra.actions.resolving import not_read, tell_of_others
from infra.actions.spec import EchoDiffers, EchoVoid, Found, Manner, NotThere
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork
from infra.logging import get_logger

log = get_logger()

_S = ActionState
_MOST_TOUCHED = 60  # objects read again after one action
_GONE_WORDS = (
    "It was confirmed, and is not in the books now. Look for the reference {mark} there, and say whether it is there."
)
_REVERSED_WORDS = "Somebody voided or removed it in the books after it was recorded."
_FOUND_TWICE = "Another object ({other}) carries the reference {mark} of number {own}. Only one was asked for."


@dataclass(frozen=True)
class _Seen:
    """What a look at something confirmed saw.

    Attributes:
        payload: the object; None: it is gone.
        other: an object that carries our mark and is not ours.
        touched: what hangs on it, by entity, with `payload`: for the mirror.
    """

    payload: Payload | None
    other: str | None = None
    finding: Found | None = None
    touched: Mapping[str, list[Payload]] = field(default_factory=dict)


async def verify(shop: Workshop, held: Held) -> None:
    """The next check of a confirmed action. The first reads the object; later ones look for the mark, of which there must be one."""
    began = shop.clock.now()
    crash_point("verify.before_look")
    try:
        async with asyncio.timeout(shop.timing.preflight_within.total_seconds()):
            # The first look tells the mirror what the books are now, and is part of paying.
            rail = await shop.reach(held.row, is_check=held.row.verifications > 0)
            seen = await _look(held, rail)
    except Exception as error:  # noqa: BLE001  # a look that fails says nothing; the next one may
        await not_read(shop, held, error, kind=AttemptKind.CHECK, began=began)
        return
    crash_point("verify.after_look")
    async with shop.uow([held.row.business_id]) as uow:
        if seen.payload is None:
            await _gone(shop, uow, held, began=began)
        else:
            await _there(shop, uow, held, seen, began=began)
            await settling.keep(uow, rail, held.row, seen=seen.touched, fetched_at=began)
        crash_point("verify.before_commit")
    crash_point("verify.committed")


async def _look(held: Held, rail: ActionRail) -> _Seen:
    row, spec = held.row, held.spec
    assert row.external_id is not None  # noqa: S101 - the database confirms nothing without
    if spec.manner is Manner.CHANGE:
        finding = await spec.find_mark(rail, held.intent)
        if isinstance(finding, NotThere) and finding.is_unmoved:
            return _Seen(None)
        payload = finding.payload if isinstance(finding, Found) else await rail.read(spec.entity, row.external_id)
        return _Seen(payload or {}, touched=await _read_touched(held, rail, payload))
    if row.verifications == 0:
        payload = await rail.read(spec.entity, row.external_id)
        return _Seen(payload, touched=await _read_touched(held, rail, payload))
    finding = await spec.find_mark(rail, held.intent)
    if isinstance(finding, NotThere):  # a person may have edited the mark away
        return _Seen(await rail.read(spec.entity, row.external_id))
    echo = settling.check_echo(held, finding.payload)
    if isinstance(echo, str) and echo != row.external_id:
        return _Seen(await rail.read(spec.entity, row.external_id), other=echo, finding=finding)
    return _Seen(finding.payload, finding=finding)


async def _read_touched(held: Held, rail: ActionRail, payload: Payload | None) -> dict[str, list[Payload]]:
    """What the action changed beside its own object (a bill's balance), read live."""
    if not payload:
        return {}
    seen: dict[str, list[Payload]] = {held.spec.entity: [payload]}
    left = _MOST_TOUCHED
    for entity, external_ids in held.spec.touched(held.intent, payload).items():
        for external_id in external_ids[:left]:
            left -= 1
            read = await rail.read(entity, external_id)
            if read is not None:
                seen.setdefault(entity, []).append(read)
    return seen


def _touched(held: Held, payload: Payload) -> dict[str, list[str]]:
    """The object itself, and what hangs on it."""
    touched = {entity: list(ids) for entity, ids in held.spec.touched(held.intent, payload).items()}
    own = touched.setdefault(held.spec.entity, [])
    if held.row.external_id is not None and held.row.external_id not in own:
        own.append(held.row.external_id)
    return touched


async def _there(shop: Workshop, uow: UnitOfWork, held: Held, seen: _Seen, *, began: datetime) -> None:
    row, done = held.row, held.row.verifications + 1
    echo = settling.check_echo(held, seen.payload) if seen.payload and held.spec.manner is Manner.CREATE else None
    if isinstance(echo, EchoVoid):
        uow.session.add(_check(shop, held, began=began, result=evidence.FOUND, words=str(echo)))
        await _reversed(shop, uow, held)
        return
    differs = echo if isinstance(echo, EchoDiffers) else None
    uow.session.add(
        _check(shop, held, began=began, result=evidence.FOUND, words=None if differs is None else str(differs))
    )
    details: dict[str, Any] = {"check": done}
    if differs is not None:
        details["differs"] = list(differs.fields)
    values = {"verifications": done, "verified_at": func.clock_timestamp()}
    age = held.elapsed_since(row.settled_at)
    after = shop.timing.until_next_check(done, age=age) if held.spec.manner is Manner.CREATE else None
    moved = await edges.move(uow, row, Change(_S.CONFIRMED, "verified", values, details, after=after))
    if moved is None:
        return
    held.row = moved
    if done == 1 and seen.payload:
        await shop.verified(uow, moved, _touched(held, seen.payload))
    if differs is not None:
        await shop.tell_of(uow, moved, ActionNoticeKind.ECHO_DIFFERS, str(differs))
    if seen.finding is not None:
        await tell_of_others(shop, uow, moved, seen.finding)
    if seen.other is not None:
        words = _FOUND_TWICE.format(other=seen.other, mark=row.mark, own=row.external_id)
        await shop.tell_of(uow, moved, ActionNoticeKind.DUPLICATE, words)


async def _gone(shop: Workshop, uow: UnitOfWork, held: Held, *, began: datetime) -> None:
    """Where no look has seen it yet, it was perhaps never there; else somebody removed it, and that it was recorded stays true."""
    row = held.row
    uow.session.add(_check(shop, held, began=began, result=evidence.NOT_FOUND))
    if row.reversed_at is not None or row.verifications:
        await _reversed(shop, uow, held)
        return
    words = _GONE_WORDS.format(mark=row.mark)
    doubt = {"outcome_code": "gone", "outcome_words": words, "settled_at": None}
    moved = await edges.move(uow, row, Change(_S.NEEDS_REVIEW, "gone", doubt, after=shop.timing.probe_hourly))
    if moved is not None:
        await _guard_again(uow, moved)
        await shop.tell_of(uow, moved, ActionNoticeKind.NEEDS_REVIEW, words)


async def _reversed(shop: Workshop, uow: UnitOfWork, held: Held) -> None:
    """It was recorded and is void or removed since: by ourselves, which is known, or by somebody, which is told."""
    row = held.row
    values: dict[str, Any] = {"verifications": row.verifications + 1}
    if row.reversed_at is not None:
        await edges.move(uow, row, Change(_S.CONFIRMED, "verified", values, {"is_reversed": True}))
        return
    values["reversed_at"] = func.clock_timestamp()
    moved = await edges.move(uow, row, Change(_S.CONFIRMED, "reversed_externally", values))
    if moved is not None:
        await shop.tell_of(uow, moved, ActionNoticeKind.REVERSED, _REVERSED_WORDS)


async def _guard_again(uow: UnitOfWork, row: ActionIntent) -> None:
    """Its objects are its own again, those that nobody else has taken meanwhile."""
    again = (
        update(ActionLine)
        .where(ActionLine.business_id == row.business_id, ActionLine.intent_id == row.id)
        .values(is_open=True)
        .execution_options(synchronize_session=False)
    )
    try:
        async with uow.session.begin_nested():
            await uow.session.execute(again)
    except IntegrityError:
        log.warning("actions.guard.taken", intent_id=str(row.id), business_id=str(row.business_id))


def _check(shop: Workshop, held: Held, *, began: datetime, result: str, words: str | None = None) -> ActionAttempt:
    return evidence.of_look(
        held.row,
        AttemptKind.CHECK,
        worker=shop.worker,
        started_at=began,
        result=result,
        words=words,
        external_id=held.row.external_id,
    )
