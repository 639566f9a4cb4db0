"""Rows that have done their work go, from every table that housekeeping knows, by the roles that it has."""

from datetime import timedelta

from sqlalchemy import text

from infra.clock import SystemClock
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.orchestrators.housekeeping import Housekeeping

_ADD = text("""
INSERT INTO outbox (queue, job, arguments, finished_at, dead_at)
VALUES ('bulk', 'test.housekeeping', '[]', CAST(:finished AS timestamptz), CAST(:dead AS timestamptz)) RETURNING id
""")


async def test_what_was_done_long_ago_goes_and_what_was_not_stays(
    jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
) -> None:
    now = SystemClock().now()
    async with jobs_uow([]) as uow:
        old, new, dead = [
            (await uow.session.execute(_ADD, {"finished": finished, "dead": dead})).scalar_one()
            for finished, dead in (
                (now - timedelta(days=8), None),
                (now - timedelta(days=6), None),
                (None, now - timedelta(days=60)),
            )
        ]
    gone = await Housekeeping(jobs_uow=jobs_uow, access_uow=access_uow, clock=SystemClock()).tidy(batch=100)
    assert gone["outbox"] >= 1
    assert gone.keys() == {
        "outbox", "oauth_state", "webhook_event", "sync_run", "user_session", "password_reset", "mail",
    }  # fmt: skip
    async with jobs_uow([]) as uow:
        left = set(await uow.session.scalars(text("SELECT id FROM outbox WHERE job = 'test.housekeeping'")))
        await uow.session.execute(text("DELETE FROM outbox WHERE job = 'test.housekeeping'"))
    assert (old in left, new in left, dead in left) == (False, True, True)
