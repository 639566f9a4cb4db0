"""How an action comes to be confirmed, from wherever it stood: the object is named, the mirror gets it, and nobody else has it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from infra.actions import edges
from infra.actions.edges import Change
from infra.actions.models import ActionIntent
from infra.actions.notices import ActionNoticeKind
from infra.actions.rail import ActionRail, Payload
from infra.actions.spec import EchoDiffers, EchoVoid
from infra.actions.states import ActionState
from infra.actions.workshop import Held, Workshop
from infra.db.unit_of_work import UnitOfWork
from infra.logging import get_logger

log = get_logger()

_ONE_OBJECT_ONE_ACTION: Final = "uq_action_intent_external_id"
_CLAIMED_BY_ANOTHER = (
    "The object that was found belongs to another action already. One of the two was perhaps recorded twice."
)


def check_echo(held: Held, payload: Payload) -> str | EchoDiffers:
    """The object's id, or what is wrong with it. What cannot even be read differs, too."""
    try:
        return held.spec.check_echo(held.intent, payload)
    except EchoDiffers as error:
        return error
    except Exception as error:
        log.exception("actions.echo.unreadable", operation=held.row.operation)
        return EchoDiffers([f"answer that cannot be read ({type(error).__name__})"])


def made_by(held: Held, payload: Payload) -> str | EchoDiffers:
    """As `check_echo`, of what was looked for; one that somebody has voided since was recorded all the same.

    The verification that follows a confirmation says what became of it.
    """
    echo = check_echo(held, payload)
    return echo.external_id if isinstance(echo, EchoVoid) else echo


def confirmed(shop: Workshop, event: str, *, details: Mapping[str, Any] | None = None) -> Change:
    """Still held: the first verification follows at once; if we die before it, the sweep finds it when the lease is over."""
    lease = shop.timing.lease
    due = {"due_at": func.clock_timestamp() + lease}
    return Change(ActionState.CONFIRMED, event, due, details=details or {}, lease=lease)


async def confirm(
    shop: Workshop, uow: UnitOfWork, held: Held, *, change: Change, external_id: str
) -> ActionIntent | None:
    """Confirm it as this object; None when the hold was lost. An object that is another action's leads to a person instead."""
    values = {**change.values, "external_id": external_id, "outcome_code": None, "outcome_words": None}
    confirming = replace(change, to=ActionState.CONFIRMED, values=values)
    try:
        async with uow.session.begin_nested():
            moved = await edges.move(uow, held.row, confirming)
            if moved is not None and held.spec.undoes is not None:
                await _mark_undone(uow, moved, operation=held.spec.undoes)
            return moved
    except IntegrityError as error:
        if _ONE_OBJECT_ONE_ACTION not in str(error.orig):
            raise
    is_doubtful = held.state in {ActionState.CLAIMED, ActionState.SENDING}
    doubt: dict[str, Any] = {"ever_ambiguous": True} if is_doubtful else {}
    instead = Change(
        ActionState.UNKNOWN if is_doubtful else ActionState.NEEDS_REVIEW,
        "object_of_another",
        {**doubt, "outcome_code": "object_of_another", "outcome_words": _CLAIMED_BY_ANOTHER},
        details={"external_id": external_id},
        after=shop.timing.settled_after if is_doubtful else shop.timing.probe_hourly,
    )
    if held.state is ActionState.FAILED:  # its release stands; only people can tell which is which
        instead = replace(instead, to=ActionState.FAILED, values={}, after=shop.timing.probe_daily)
    moved = await edges.move(uow, held.row, instead)
    if moved is not None:
        await shop.tell_of(uow, moved, ActionNoticeKind.DUPLICATE, _CLAIMED_BY_ANOTHER)
    return moved


async def _mark_undone(uow: UnitOfWork, by: ActionIntent, *, operation: str) -> None:
    """What we recorded ourselves and have taken back ourselves is no longer shown as standing, and nobody is alarmed."""
    undone = await uow.session.scalar(
        select(ActionIntent).where(
            ActionIntent.business_id == by.business_id,
            ActionIntent.operation == operation,
            ActionIntent.external_id == by.external_id,
            ActionIntent.state == ActionState.CONFIRMED.value,
            ActionIntent.reversed_at.is_(None),
        )
    )
    if undone is not None:
        values = {"reversed_at": func.clock_timestamp()}
        await edges.move(uow, undone, Change(ActionState.CONFIRMED, "undone", values, {"by": str(by.id)}))


async def keep(
    uow: UnitOfWork, rail: ActionRail, row: ActionIntent, *, seen: Mapping[str, list[Payload]], fetched_at: datetime
) -> None:
    """Bring mirror and log to what the rail just showed. The action's outcome does not hang on it: a sync brings it later."""
    if not seen:
        return
    try:
        async with uow.session.begin_nested():
            await bring(uow, rail, row, seen=seen, fetched_at=fetched_at)
    except Exception:
        log.exception("actions.mirror.not_kept", entities=sorted(seen), intent_id=str(row.id))


async def bring(
    uow: UnitOfWork, rail: ActionRail, row: ActionIntent, *, seen: Mapping[str, list[Payload]], fetched_at: datetime
) -> None:
    """As `keep`, for whoever decides by it in the same transaction.

    Raises:
        Exception: what the storing failed with; nothing of it counts.
    """
    await rail.keep(uow.session, seen, fetched_at=fetched_at, actor=edges.WORKER_ACTOR, request_id=row.asked_by_request)
