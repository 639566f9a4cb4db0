"""Asking for many actions, and letting many go, in a number of statements that does not grow with them.

Each is taken or refused for itself, by the rules of `accept` and `reviewing`; where another transaction is in the way they are taken
one by one, as those do it.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from infra.actions import accept
from infra.actions.accept import line_of, meant, requested
from infra.actions.edges import CHANNEL, Change, entry_of, step_key
from infra.actions.errors import IntentNotFound, TargetTaken, TooLate
from infra.actions.models import ActionIntent, ActionLine, ActionTransactionLog
from infra.actions.spec import ActionRequest, Target
from infra.actions.states import ActionState
from infra.actions.workshop import QUEUE, WORK_JOB, Workshop
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError
from infra.jobs.wishes import Wish, ask_each_once

Outcome = ActionIntent | OodalooError
_Named = tuple[str, str]
_RINGS = 2  # a worker that is rung for takes along whatever else is due in its queue


@dataclass(frozen=True)
class _Meant:
    values: dict[str, Any]
    targets: Sequence[Target]

    @property
    def guarded(self) -> list[_Named]:
        return [(target.kind, target.external_id) for target in self.targets if target.is_guarded]


class _InTheWay(Exception):
    """Another transaction took a key or an object at this very moment."""


async def request_many(shop: Workshop, uow: UnitOfWork, asked: Sequence[ActionRequest]) -> list[Outcome]:
    """What came of each, in their order: the action, or why it is refused. All are of one business."""
    shop = replace(shop, account_of=_remembered(shop))
    found: dict[int, Outcome] = {}
    wanted: dict[int, _Meant] = {}
    for place, one in enumerate(asked):
        try:
            wanted[place] = _Meant(*await meant(shop, uow.session, one, spec=shop.spec(one.operation)))
        except OodalooError as error:
            found[place] = error
    await _refuse_taken(uow.session, wanted, found)
    left = {place: one for place, one in wanted.items() if place not in found}
    try:
        async with uow.session.begin_nested():
            found |= await _take(uow, left)
    except _InTheWay:
        for place in left:
            found[place] = await _outcome(accept.request(shop, uow, asked[place]))
    return [found[place] for place in range(len(asked))]


def _remembered(shop: Workshop) -> Any:
    """The account is asked for once: within a transaction it is one."""
    accounts: dict[tuple[UUID, Rail], str] = {}

    async def account_of(session: AsyncSession, business_id: UUID, rail: Rail) -> str:
        if (business_id, rail) not in accounts:
            accounts[business_id, rail] = await shop.account_of(session, business_id, rail)
        return accounts[business_id, rail]

    return account_of


async def _outcome(doing: Awaitable[ActionIntent]) -> Outcome:
    try:
        return await doing
    except OodalooError as error:
        return error


async def _refuse_taken(session: AsyncSession, wanted: Mapping[int, _Meant], found: dict[int, Outcome]) -> None:
    """What an open action has, of ours or of an earlier one of these, nobody else gets."""
    if not wanted:
        return
    business_id, rail = (next(iter(wanted.values())).values[name] for name in ("business_id", "rail"))
    line = ActionLine
    named = sorted({one for each in wanted.values() for one in each.guarded})
    held = await session.execute(
        select(line.target_kind, line.target_external_id, line.intent_id, ActionIntent.client_key)
        .join(ActionIntent, (ActionIntent.business_id == line.business_id) & (ActionIntent.id == line.intent_id))
        .where(
            line.business_id == business_id,
            line.rail == rail,
            line.is_open & line.is_guarded,
            tuple_(line.target_kind, line.target_external_id).in_(named),
        )
    )
    holders = {(row.target_kind, row.target_external_id): (row.intent_id, row.client_key) for row in held}
    for place, one in wanted.items():
        own = (one.values["id"], one.values["client_key"])
        for kind, external_id in one.guarded:
            holder, key = holders.setdefault((kind, external_id), own)
            if key != own[1]:
                found[place] = TargetTaken(kind=kind, external_id=external_id, intent_id=holder)


async def _take(uow: UnitOfWork, wanted: Mapping[int, _Meant]) -> dict[int, Outcome]:
    """All of them, in one order of objects for everybody.

    Raises:
        _InTheWay: one of them cannot be had so.
    """
    if not wanted:
        return {}
    session = uow.session
    asking = insert(ActionIntent).values([one.values for one in wanted.values()])
    asking = asking.on_conflict_do_nothing()  # as in `accept`: any index of what the keys derive
    rows = {row.id: row for row in await session.scalars(asking.returning(ActionIntent))}
    if len(rows) < len(wanted):
        raise _InTheWay
    lines = [
        line_of(
            target,
            number,
            business_id=one.values["business_id"],
            intent_id=one.values["id"],
            rail=Rail(one.values["rail"]),
        )
        for one in wanted.values()
        for number, target in enumerate(one.targets, start=1)
    ]
    lines.sort(key=lambda line: (line["target_kind"], line["target_external_id"]))
    taking = insert(ActionLine).values(lines).on_conflict_do_nothing().returning(ActionLine.number)
    if len((await session.scalars(taking)).all()) < len(lines):
        raise _InTheWay
    made = [(rows[one.values["id"]], one) for one in wanted.values()]
    await session.execute(
        insert(ActionTransactionLog),
        [entry_of(row, requested(row, one.values, one.targets), was=None) for row, one in made],
    )
    await _ask_for_steps(uow, [row for row, _ in made])
    return {place: rows[one.values["id"]] for place, one in wanted.items()}


async def release_many(
    uow: UnitOfWork,
    business_id: UUID,
    intent_ids: Collection[UUID],
    *,
    actor: str,
    request_id: str,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> dict[UUID, Outcome]:
    """Let go what is held, as `reviewing.release`, and begin now what waits for its day: what came of each.

    What is recorded keeps the date that was asked for. `details` are kept in the log row of each.
    """
    session, ordered = uow.session, sorted(set(intent_ids))
    of_these = (ActionIntent.business_id == business_id, ActionIntent.id.in_(ordered))
    locking = select(ActionIntent).where(*of_these).order_by(ActionIntent.id).with_for_update()
    rows = {row.id: row for row in await session.scalars(locking.execution_options(populate_existing=True))}
    was = {row.id: row.state for row in rows.values()}
    moved = (await session.scalars(_LETTING_GO.where(*of_these))).all()
    entries = [
        entry_of(
            row,
            Change(ActionState.REQUESTED, _EVENTS[was[row.id]], details=details, actor=actor, request_id=request_id),
            was=was[row.id],
        )
        for row in moved
    ]
    if entries:
        await session.execute(insert(ActionTransactionLog), entries)
        bells = [f"{row.business_id} {row.id} {row.state}" for row in moved]
        await session.execute(_RING_ALL, {"channel": CHANNEL, "bells": bells})
    await _ask_for_steps(uow, moved)
    return {intent_id: _outcome_of(rows.get(intent_id), intent_id) for intent_id in ordered}


def _outcome_of(row: ActionIntent | None, intent_id: UUID) -> Outcome:
    """One that is on its way, or done, needs no release."""
    if row is None:
        return IntentNotFound(intent_id)
    is_given_up = row.state in {ActionState.CANCELLED.value, ActionState.FAILED.value}
    return TooLate(intent_id, state=row.state, wish="released") if is_given_up else row


async def _ask_for_steps(uow: UnitOfWork, rows: Sequence[ActionIntent]) -> None:
    if not rows:
        return
    wishes = [
        Wish(
            step_key(row.id, version=row.version, fence=row.fence),
            (str(row.business_id), str(row.id)),
            after=max(row.due_at - row.changed_at, timedelta(0)),
        )
        for row in rows
        if row.due_at is not None
    ]
    rings = await ask_each_once(uow.session, WORK_JOB, wishes, queue=QUEUE, business_id=rows[0].business_id)
    for ring in rings[:_RINGS]:
        uow.ring_for(ring)


_NOW = func.clock_timestamp()
_EVENTS = {ActionState.BLOCKED.value: "released", ActionState.REQUESTED.value: "brought_forward"}
_IS_BLOCKED = ActionIntent.state == ActionState.BLOCKED.value
_LETTING_GO = (
    update(ActionIntent)
    .where(or_(_IS_BLOCKED, (ActionIntent.state == ActionState.REQUESTED.value) & (ActionIntent.due_at > _NOW)))
    .values(
        state=ActionState.REQUESTED.value,
        version=ActionIntent.version + 1,
        changed_at=_NOW,
        due_at=case((_IS_BLOCKED, func.greatest(_NOW, ActionIntent.not_before)), else_=_NOW),
        hold=None,
        held=None,
        lease_owner=None,
        lease_until=None,
        attempts=0,
        struggling_since=None,
    )
    .returning(ActionIntent)
    .execution_options(synchronize_session=False, populate_existing=True)
)
_RING_ALL = text("SELECT pg_notify(:channel, bell) FROM unnest(CAST(:bells AS text[])) AS bell")
