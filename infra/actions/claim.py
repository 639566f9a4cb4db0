"""Taking an action, so that one worker at a time has it: by compare-and-set, a fence, and a lease on the database's clock."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from infra.actions import edges
from infra.actions.accept import BY_ACCESS, BY_POISON
from infra.actions.edges import NO_PROGRESS, Change
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.states import ActionState
from infra.actions.workshop import TIMELINE, Held, Workshop
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork

_S = ActionState
_NOT_BEGUN: Final = frozenset({_S.REQUESTED, _S.RETRY_WAIT})
_UNDER_WAY: Final = frozenset({_S.CLAIMED, _S.SENDING})
_POISON_WORDS = "It came to nothing again and again and is left alone now; somebody must look into why."


async def take(shop: Workshop, business_id: UUID, intent_id: UUID) -> Held | None:
    """Take the action's next step, if one is due and nobody has it.

    What was left behind by a worker that died is first put right here: not sent yet, it is tried again; perhaps sent, it is unknown.
    """
    since = time.monotonic()
    async with shop.uow([business_id]) as uow:
        found = await _lock(uow, business_id, intent_id)
        if found is None:
            return None
        row, now, timeline = found
        if row.state == _S.BLOCKED.value and row.hold != BY_ACCESS:
            return None
        if row.lease_until is not None and row.lease_until > now:
            await edges.ask_for_step(uow, row, after=row.lease_until - now)
            return None
        if row.due_at is None or row.due_at > now:
            return None
        taken = await _take(shop, uow, row, now=now, timeline=timeline)
        crash_point("claim.before_commit")
    crash_point("claim.committed")
    if taken is None:
        return None
    return Held(taken, shop.spec(taken.operation), now=now, since=since)


async def _lock(uow: UnitOfWork, business_id: UUID, intent_id: UUID) -> tuple[ActionIntent, datetime, str] | None:
    """The row, the database's time and its timeline; None when another worker writes it just now."""
    query = (
        select(ActionIntent, func.clock_timestamp(), TIMELINE)
        .where(ActionIntent.business_id == business_id, ActionIntent.id == intent_id)
        .with_for_update(skip_locked=True, of=ActionIntent)
    )
    found = (await uow.session.execute(query)).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def _take(
    shop: Workshop, uow: UnitOfWork, row: ActionIntent, *, now: datetime, timeline: str
) -> ActionIntent | None:
    if row.state in _UNDER_WAY:
        recovered = await _recover(uow, row)
        if recovered is None:
            return None
        row = recovered
    if _is_poison(shop, row, now=now):
        await _park(shop, uow, row)
        return None
    if row.state not in _NOT_BEGUN:
        return await edges.take_lease(uow.session, row, owner=shop.worker, lease=shop.timing.lease)
    return await _claim(shop, uow, row, now=now, timeline=timeline)


async def _claim(
    shop: Workshop, uow: UnitOfWork, row: ActionIntent, *, now: datetime, timeline: str
) -> ActionIntent | None:
    lease = shop.timing.lease
    is_after_failover = row.db_timeline != timeline and now - row.changed_at < shop.timing.failover_doubt
    claim: Mapping[str, Any] = {**edges.claim_values(row, shop.worker), "db_timeline": timeline}
    claimed = await edges.move(
        uow, row, Change(_S.CLAIMED, "claimed", {**claim, "due_at": func.clock_timestamp() + lease}, lease=lease)
    )
    if claimed is None or not is_after_failover:
        return claimed
    # What the standby had not got yet may have been the send itself.
    doubt = {"ever_ambiguous": True, "last_sent_at": func.clock_timestamp()}
    await edges.move(
        uow,
        claimed,
        Change(_S.UNKNOWN, "doubted_after_failover", doubt, after=shop.timing.settled_after),
    )
    return None


async def _recover(uow: UnitOfWork, row: ActionIntent) -> ActionIntent | None:
    """A lease is over. Its worker may still be alive: the fence keeps it from writing, and it may be sending at this moment."""
    left: dict[str, Any] = {**NO_PROGRESS, "due_at": func.clock_timestamp()}  # taken on at once, by us
    if row.state == _S.CLAIMED.value:
        change = Change(_S.RETRY_WAIT, "lease_over", left)
    else:
        change = Change(_S.UNKNOWN, "lease_over", {**left, "ever_ambiguous": True, "outcome_code": "worker_lost"})
    recovered = await edges.move(uow, row, change)
    crash_point("recover.before_commit")
    return recovered


def _is_poison(shop: Workshop, row: ActionIntent, *, now: datetime) -> bool:
    if row.attempts >= shop.timing.poison_attempts:
        return True
    is_long = row.struggling_since is not None and now - row.struggling_since > shop.timing.poison_after
    return is_long and row.attempts > 1


async def _park(shop: Workshop, uow: UnitOfWork, row: ActionIntent) -> None:
    """Leave it to a person. What was settled or is in review already keeps its state, and is looked at no more."""
    values = {"outcome_code": "parked", "outcome_words": _POISON_WORDS}
    if row.state in _NOT_BEGUN:
        held = {**values, "hold": BY_POISON, "held": _POISON_WORDS}
        parked = await edges.move(uow, row, Change(_S.BLOCKED, "parked", held))
    elif row.state == _S.UNKNOWN.value:
        parked = await edges.move(uow, row, Change(_S.NEEDS_REVIEW, "parked", values))
    else:
        parked = await edges.move(uow, row, Change(_S(row.state), "parked"))
    if parked is not None:
        await shop.tell_of(uow, parked, ActionNoticeKind.PARKED, _POISON_WORDS)
