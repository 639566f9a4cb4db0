"""Asking for an action: the intention, what it uses, its log row and its first step, in the caller's transaction. No rail is asked."""

import re
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, Interval, bindparam, case, func, null
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached

from infra import exact_json
from infra.actions.edges import Change, ask_for_step, write_log
from infra.actions.errors import MalformedClientKey, TargetTaken
from infra.actions.identity import IdentityGraph, Origin, fingerprint_of
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.spec import ActionRequest, ActionSpec, Manner, Target
from infra.actions.states import ActionState
from infra.actions.workshop import TIMELINE, Workshop
from infra.config import Rail
from infra.crash_points import crash_point
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWork
from infra.errors import InvalidInput, UnstorableText
from infra.ids import new_id

_CLIENT_KEY = re.compile(r"[A-Za-z0-9._:-]{16,64}")
BY_PERSON, BY_ACCESS, BY_POISON = "person", "access", "parked"

_INTENTS, _LINES = (Base.metadata.tables[one.__tablename__] for one in (ActionIntent, ActionLine))
_NOT_BEFORE = func.coalesce(
    func.clock_timestamp() + bindparam("undo_window", type_=Interval),
    bindparam("earliest", type_=DateTime(timezone=True)),
)
_DUE = case(
    (bindparam("is_held", type_=Boolean), null()),
    else_=func.greatest(_NOT_BEFORE, func.clock_timestamp()),
)
# Made once: what writes an action is asked for at every click.
# Whatever is derived from the key conflicts with it: named alone, the key's own index would let the other ones raise in a race.
_ASK = (
    insert(_INTENTS)
    .values(not_before=_NOT_BEFORE, due_at=_DUE, db_timeline=TIMELINE)
    .on_conflict_do_nothing()
    .returning(*_INTENTS.columns)
)
_TAKE = insert(_LINES).on_conflict_do_nothing().returning(_LINES.c.number)
_IN_STATEMENT = frozenset({"not_before", "due_at", "db_timeline"})
# The fact that `not_before` is the end of the undo window, and no day that somebody chose.
UNDO_SECONDS = "undo_seconds"


async def request(shop: Workshop, uow: UnitOfWork, asked: ActionRequest) -> ActionIntent:
    """The action of this client key: a new one, or the one that it has stood for since, in whatever state.

    What this wrote is undone when it raises, and nothing else of the caller's transaction.

    Raises:
        UnknownOperation, MalformedClientKey, UnstorableText, InvalidInput: it makes no sense.
        KeyUsedForOther: the key stands for something else.
        TargetTaken: an action that is not finished has an object that this one needs for itself.
        RailNeedsReconnect: the business has no books to do it in.
    """
    crash_point("accept.begin")
    spec = shop.spec(asked.operation)
    values, targets = await meant(shop, uow.session, asked, spec=spec)
    graph = IdentityGraph(uow.session, asked.business_id)
    await uow.session.flush()  # what the caller has pending is no part of what may be undone here
    async with (await uow.session.connection()).begin_nested():
        row = await _insert(uow.session, values)
        if row is None:
            same = await graph.find_same(asked.operation, asked.client_key, fingerprint=values["fingerprint"])
            assert same is not None  # noqa: S101 - actions are never removed
            return same
        crash_point("accept.intent_written")
        await _take_targets(uow.session, row, targets=targets, spec=spec)
        crash_point("accept.lines_written")
        await write_log(uow.session, row, requested(row, values, targets), was=None)  # nobody watches it yet
        if row.due_at is not None:
            wait = row.due_at - row.created_at
            await ask_for_step(uow, row, after=max(wait, timedelta(0)))
    uow.session.add(row)
    crash_point("accept.asked")
    return row


def requested(row: ActionIntent, values: dict[str, Any], targets: Sequence[Target]) -> Change:
    """The first edge."""
    details = {"facts": row.facts, "targets": [_shown(target) for target in targets]}
    return Change(ActionState(row.state), "requested", values=values, details=details, actor=row.created_by)


async def meant(
    shop: Workshop, session: AsyncSession, asked: ActionRequest, *, spec: ActionSpec
) -> tuple[dict[str, Any], Sequence[Target]]:
    """The row to write, and what it uses. The spec sees the meaning as it will be read back.

    Raises:
        MalformedClientKey, UnstorableText, InvalidInput, RailNeedsReconnect: as `request`.
    """
    if not _CLIENT_KEY.fullmatch(asked.client_key):
        raise MalformedClientKey
    text = exact_json.dumps(asked.meaning)
    if b"\\u0000" in text or b"\\u0000" in exact_json.dumps(asked.facts):
        raise UnstorableText
    meaning = exact_json.loads(text)
    targets = sorted(spec.targets(meaning), key=lambda target: (target.kind, target.external_id))
    _must_be_named_once(targets)
    account = await shop.account_of(session, asked.business_id, spec.rail)
    origin = Origin(shop.environment, account, asked.operation, asked.client_key)
    body = None
    if spec.manner is Manner.CREATE:
        assert spec.build_body is not None, f"{spec.operation} is a CREATE without a body"  # noqa: S101 - a declaration's slip
        body = exact_json.dumps(spec.build_body(meaning, origin.mark))
    alike = None if spec.alike is None else fingerprint_of(asked.operation, spec.alike(meaning))
    is_held = bool(asked.held)
    now = func.clock_timestamp()
    undo = timedelta(0) if is_held or asked.not_before is not None else asked.undo_window
    not_before = now + undo if undo else asked.not_before
    return {
        "business_id": asked.business_id,
        "id": new_id(),
        "version": 1,
        "state": (ActionState.BLOCKED if is_held else ActionState.REQUESTED).value,
        "rail": spec.rail.value,
        "rail_account_id": account,
        "environment": shop.environment,
        "operation": asked.operation,
        "manner": spec.manner.value,
        "entity": spec.entity,
        "client_key": asked.client_key,
        "fingerprint": fingerprint_of(asked.operation, meaning),
        "content_digest": alike,
        "rail_request_id": origin.request_id(),
        "mark": origin.mark,
        "meaning": meaning,
        "facts": {**asked.facts, UNDO_SECONDS: undo.total_seconds()} if undo else dict(asked.facts),
        "body": body,
        "body_hash": None if body is None else sha256(body).digest(),
        "hold": BY_PERSON if is_held else None,
        "held": asked.held or None,
        "not_before": not_before,
        "due_at": null() if is_held else func.greatest(not_before, now),
        "seen": {},
        "created_by": asked.actor,
        "asked_by_request": asked.request_id,
        "db_timeline": TIMELINE,
    }, targets


async def _insert(session: AsyncSession, values: dict[str, Any]) -> ActionIntent | None:
    """None when the client key stands for an action already; one that is being written by another transaction is waited for."""
    columns = {name: value for name, value in values.items() if name not in _IN_STATEMENT}
    undo = values["facts"].get(UNDO_SECONDS)
    due = {
        "is_held": values["hold"] is not None,
        "earliest": values["not_before"] if undo is None else None,
        "undo_window": None if undo is None else timedelta(seconds=undo),
    }
    written = (await session.execute(_ASK, columns | due)).one_or_none()
    if written is None:
        return None
    row = ActionIntent(**written._mapping)  # noqa: SLF001 - a row's public face, whatever its name
    make_transient_to_detached(row)
    return row


async def _take_targets(
    session: AsyncSession, row: ActionIntent, *, targets: Sequence[Target], spec: ActionSpec
) -> None:
    """In one order for everybody, so that two who want the same objects wait, and do not block each other."""
    left = dict(enumerate(targets, start=1))
    while left:
        lines = [
            line_of(target, number, business_id=row.business_id, intent_id=row.id, rail=spec.rail)
            for number, target in left.items()
        ]
        for number in (await session.execute(_TAKE, lines)).scalars():
            del left[number]
        for target in left.values():
            graph = IdentityGraph(session, row.business_id)
            holder = await graph.find_holder(spec.rail, kind=target.kind, external_id=target.external_id)
            if holder is not None:  # it may have been let go of just now
                raise TargetTaken(kind=target.kind, external_id=target.external_id, intent_id=holder.id)


def line_of(target: Target, number: int, *, business_id: UUID, intent_id: UUID, rail: Rail) -> dict[str, Any]:
    """The columns of a line."""
    return {
        "business_id": business_id,
        "intent_id": intent_id,
        "number": number,
        "rail": rail.value,
        "target_kind": target.kind,
        "target_external_id": target.external_id,
        "amount": target.amount,
        "is_guarded": target.is_guarded,
    }


def _must_be_named_once(targets: Sequence[Target]) -> None:
    named = [(target.kind, target.external_id) for target in targets if target.is_guarded]
    for kind, external_id in named:
        if named.count((kind, external_id)) > 1:
            raise InvalidInput(f"{kind} {external_id} is named twice; once is enough.")


def _shown(target: Target) -> dict[str, Any]:
    return {
        "kind": target.kind,
        "external_id": target.external_id,
        "amount": target.amount,
        "is_guarded": target.is_guarded,
    }
