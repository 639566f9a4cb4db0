"""A business is connected again: what waited for that goes on at once, and what could not be looked for is looked for."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from infra.actions import edges
from infra.actions.accept import BY_ACCESS
from infra.actions.models import ActionIntent
from infra.actions.states import ActionState
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork

_MOST = 500  # the others find out by themselves


async def wake(uow: UnitOfWork, business_id: UUID, rail: Rail) -> int:
    """In the transaction that connects it; how many there were."""
    query = (
        select(ActionIntent)
        .where(
            ActionIntent.business_id == business_id,
            ActionIntent.rail == rail.value,
            or_(ActionIntent.hold == BY_ACCESS, ActionIntent.state == ActionState.UNKNOWN.value),
            ActionIntent.due_at > func.clock_timestamp(),
            ActionIntent.lease_until.is_(None),
        )
        .order_by(ActionIntent.created_at)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )
    rows = list(await uow.session.scalars(query))
    for row in rows:
        await edges.defer(uow, row, after=timedelta(0), is_new_turn=True)
    return len(rows)
