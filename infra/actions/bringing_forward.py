"""A person's word that a scheduled action need not wait for its day."""

from datetime import timedelta
from uuid import UUID

from infra.actions import edges
from infra.actions.edges import Change
from infra.actions.errors import TooLate
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.actions.states import ActionState
from infra.db.unit_of_work import UnitOfWork


async def bring_forward(
    uow: UnitOfWork, business_id: UUID, intent_id: UUID, *, actor: str, request_id: str
) -> ActionIntent:
    """Let it begin now. What is recorded keeps the date that was asked for. One whose time has come is left as it is.

    Raises:
        TooLate: it does not wait for a day.
    """
    row = await IdentityGraph(uow.session, business_id).get(intent_id, is_to_change=True)
    if row.state != ActionState.REQUESTED.value:
        raise TooLate(intent_id, state=row.state, wish="brought forward")
    if row.due_at is None or row.due_at <= await edges.now(uow.session):
        return row
    change = Change(ActionState.REQUESTED, "brought_forward", after=timedelta(0), actor=actor, request_id=request_id)
    moved = await edges.move(uow, row, change)
    assert moved is not None  # noqa: S101 - the row was locked
    return moved
