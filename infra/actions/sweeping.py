"""Finding actions whose next step is due and asked for by nobody: a worker died, a job was given up, a row was lost."""

from datetime import timedelta

from sqlalchemy import exists, func, or_, select

from infra.actions.edges import step_key
from infra.actions.models import ActionIntent
from infra.actions.workshop import QUEUE, WORK_JOB
from infra.crash_points import crash_point
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs import outbox
from infra.jobs.outbox import OutboxRow

_MOST = 500


async def sweep(jobs_uow: UnitOfWorkFactory, *, grace: timedelta) -> int:
    """Ask for each step that has been due for longer than `grace` without anybody to take it; how many there were."""
    now = func.clock_timestamp()
    is_asked_for = exists().where(
        OutboxRow.business_id == ActionIntent.business_id,
        OutboxRow.job == WORK_JOB,
        OutboxRow.key.is_not(None),
        func.starts_with(OutboxRow.key, func.concat(ActionIntent.id, "/")),
        OutboxRow.finished_at.is_(None),
        OutboxRow.dead_at.is_(None),
        OutboxRow.due_at <= now + grace,
    )
    forgotten = (
        select(ActionIntent.business_id, ActionIntent.id, ActionIntent.version, ActionIntent.fence)
        .where(
            ActionIntent.due_at < now - grace,
            or_(ActionIntent.lease_until.is_(None), ActionIntent.lease_until < now),
            ~is_asked_for,
        )
        .order_by(ActionIntent.due_at)
        .limit(_MOST)
    )
    async with jobs_uow([]) as uow:
        rows = (await uow.session.execute(forgotten)).all()
        for business_id, intent_id, version, fence in rows:
            ring = await outbox.ask_once(
                uow.session,
                WORK_JOB,
                str(business_id),
                str(intent_id),
                key=step_key(intent_id, version=version, fence=fence) + ".swept",
                queue=QUEUE,
                business_id=business_id,
                is_needed_after=False,
            )
            uow.ring_for(ring)
        crash_point("sweep.before_commit")
    return len(rows)
