"""What people say about an action: stop it, hold it, let it go, and what they found where we could not tell."""

from datetime import timedelta
from uuid import UUID

from infra.actions import edges, settling
from infra.actions.accept import BY_PERSON
from infra.actions.edges import Change
from infra.actions.errors import FoundAfterAll, NotTheObject, TooLate
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.actions.resolving import look
from infra.actions.spec import EchoDiffers, Found
from infra.actions.states import CANCELLABLE, ActionState
from infra.actions.workshop import Held, Workshop
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWork

_S = ActionState
NOT_THERE_WORDS = "Somebody looked in the books and did not find it there."


async def cancel(uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, actor: str, request_id: str) -> ActionIntent:
    """Take it back while nothing has left yet; one that was cancelled already stays so.

    Raises:
        TooLate: it is on its way, or settled.
    """
    row = await IdentityGraph(uow.session, business_id).get(intent_id, is_to_change=True)
    if row.state == _S.CANCELLED.value:
        return row
    change = Change(_S.CANCELLED, "cancelled", actor=actor, request_id=request_id)
    cancelled = await _change(uow, row, change, possible_in=CANCELLABLE, wish="cancelled")
    crash_point("cancel.before_commit")
    return cancelled


async def hold(
    uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, why: str, actor: str, request_id: str
) -> ActionIntent:
    """Let it wait for a person's word.

    Raises:
        TooLate: it is on its way, or settled.
    """
    row = await IdentityGraph(uow.session, business_id).get(intent_id, is_to_change=True)
    change = Change(_S.BLOCKED, "held", {"hold": BY_PERSON, "held": why}, actor=actor, request_id=request_id)
    return await _change(uow, row, change, possible_in=CANCELLABLE - {_S.BLOCKED}, wish="held")


async def release(uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, actor: str, request_id: str) -> ActionIntent:
    """Let it go on, at once or on its day.

    Raises:
        TooLate: it does not wait for anybody.
    """
    row = await IdentityGraph(uow.session, business_id).get(intent_id, is_to_change=True)
    now = await edges.now(uow.session)
    after = max((row.not_before or now) - now, timedelta(0))
    change = Change(_S.REQUESTED, "released", after=after, actor=actor, request_id=request_id)
    return await _change(uow, row, change, possible_in=frozenset({_S.BLOCKED}), wish="released")


async def found(
    shop: Workshop, business_id: UUID, intent_id: UUID, *, external_id: str, actor: str, request_id: str
) -> ActionIntent:
    """A person says that it is there, by this id: read live, and believed if it is what was asked for.

    Raises:
        TooLate: nobody asks that of it.
        NotTheObject: there is no such object, or it is another.
        RailError: it cannot be read now.
    """
    held = await _in_review(shop, business_id, intent_id)
    crash_point("review.before_look")
    rail = await shop.reach(held.row)
    began = shop.clock.now()
    payload = await rail.read(held.spec.entity, external_id)
    if payload is None:
        raise NotTheObject(entity=held.spec.entity, external_id=external_id, why="there is no such object.")
    echo = settling.made_by(held, payload)
    if isinstance(echo, EchoDiffers) or echo != external_id:
        raise NotTheObject(entity=held.spec.entity, external_id=external_id, why=str(echo))
    async with shop.uow([business_id]) as uow:
        details = {"found": external_id}
        change = Change(_S.CONFIRMED, "review_found", {}, details, timedelta(0), actor=actor, request_id=request_id)
        moved = await settling.confirm(shop, uow, held, change=change, external_id=echo)
        if moved is None:
            raise TooLate(intent_id, state=held.row.state, wish="confirmed")
        await settling.keep(uow, rail, moved, seen={held.spec.entity: [payload]}, fetched_at=began)
        crash_point("review.before_commit")
    return moved


async def not_there(
    shop: Workshop, business_id: UUID, intent_id: UUID, *, why: str = "", actor: str, request_id: str
) -> ActionIntent:
    """A person says that it is not there, and `why` they think so: looked once more, given up, and watched.

    Raises:
        TooLate: nobody asks that of it.
        FoundAfterAll: it is there; the action is confirmed now.
        RailError: it cannot be looked for now.
    """
    held = await _in_review(shop, business_id, intent_id)
    rail = await shop.reach(held.row)
    began = shop.clock.now()
    finding = await look(shop, held, rail)
    if isinstance(finding, Found):
        echo = settling.made_by(held, finding.payload)
        if isinstance(echo, EchoDiffers):
            raise NotTheObject(entity=held.spec.entity, external_id=held.row.mark, why=str(echo))
        async with shop.uow([business_id]) as uow:
            change = Change(_S.CONFIRMED, "found", after=timedelta(0), actor=actor, request_id=request_id)
            moved = await settling.confirm(shop, uow, held, change=change, external_id=echo)
            if moved is not None:
                await settling.keep(uow, rail, moved, seen={held.spec.entity: [finding.payload]}, fetched_at=began)
        raise FoundAfterAll(intent_id, external_id=echo)
    values = {
        "release_reason": f"not there, says {actor}" + (f": {why}" if why else ""),
        "outcome_code": "not_there",
        "outcome_words": NOT_THERE_WORDS,
    }
    change = Change(
        _S.FAILED, "review_not_there", values, after=shop.timing.probe_hourly, actor=actor, request_id=request_id
    )
    async with shop.uow([business_id]) as uow:
        moved = await edges.move(uow, held.row, change)
    if moved is None:
        raise TooLate(intent_id, state=held.row.state, wish="given up")
    return moved


async def _in_review(shop: Workshop, business_id: UUID, intent_id: UUID) -> Held:
    """Taken from whoever may be looking at the moment: a person's word goes before a routine look."""
    async with shop.uow([business_id]) as uow:
        row = await IdentityGraph(uow.session, business_id).get(intent_id, is_to_change=True)
        if row.state != _S.NEEDS_REVIEW.value:
            raise TooLate(intent_id, state=row.state, wish="reviewed")
        now = await edges.now(uow.session)
        taken = await edges.take_lease(uow.session, row, owner=shop.worker, lease=shop.timing.lease)
    assert taken is not None  # noqa: S101 - the row was locked
    return Held(taken, shop.spec(taken.operation), now=now, since=0.0)


async def _change(
    uow: UnitOfWork, row: ActionIntent, change: Change, *, possible_in: frozenset[ActionState], wish: str
) -> ActionIntent:
    if row.state not in possible_in:
        raise TooLate(row.id, state=row.state, wish=wish)
    moved = await edges.move(uow, row, change)
    assert moved is not None  # noqa: S101 - the row was locked
    return moved
