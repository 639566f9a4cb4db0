"""Rows that have done their work go, from every table that housekeeping knows, by the roles that it has."""

from datetime import timedelta

from sqlalchemy import select, text

from domains.core.business_service import BusinessService
from domains.core.decision_models import SeenFigures
from domains.core.people import Firm  # noqa: F401  # a business points at its firm
from domains.core.seen_figures import SeenFiguresService, Viewer
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.sync.cache import SyncCache
from infra.sync.refresh_lease import RefreshLeases
from runway.orchestrators.housekeeping import Housekeeping
from tests.rig import Database

_ADD = text("""
INSERT INTO outbox (queue, job, arguments, finished_at, dead_at)
VALUES ('bulk', 'test.housekeeping', '[]', CAST(:finished AS timestamptz), CAST(:dead AS timestamptz)) RETURNING id
""")


async def housekeeping(
    database: Database, jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
) -> dict[str, int]:
    engine = create_engine(database.app_url, pool_size=1)
    try:
        keeper = Housekeeping(
            uow=unit_of_work_factory(engine), jobs_uow=jobs_uow, access_uow=access_uow, clock=SystemClock()
        )
        return await keeper.tidy(batch=100)
    finally:
        await engine.dispose()


async def test_what_was_done_long_ago_goes_and_what_was_not_stays(
    database: Database, jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
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
    gone = await housekeeping(database, jobs_uow, access_uow)
    assert gone["outbox"] >= 1
    assert gone.keys() == {
        "outbox", "oauth_state", "webhook_event", "sync_run", "refresh_lease", "user_session", "password_reset", "mail", "sync_cache",
        "seen_figures",
    }  # fmt: skip
    async with jobs_uow([]) as uow:
        left = set(await uow.session.scalars(text("SELECT id FROM outbox WHERE job = 'test.housekeeping'")))
        await uow.session.execute(text("DELETE FROM outbox WHERE job = 'test.housekeeping'"))
    assert (old in left, new in left, dead in left) == (False, True, True)


async def test_an_answer_that_nobody_asks_for_any_more_goes_with_its_lease(
    database: Database, jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
) -> None:
    now, engine = SystemClock().now(), create_engine(database.app_url, pool_size=1)
    uow = unit_of_work_factory(engine)
    async with access_uow([]) as unit:
        business = await BusinessService().create_business(unit.session, "Tidy", now=now)
    cache = SyncCache(business.id, Rail.QBO, uow=uow, clock=SystemClock())
    await cache.set("new", {}, asked_at=now - timedelta(days=7))
    await cache.set("old", {}, asked_at=now - timedelta(days=8))
    for purpose in (None, "backfill", "cache.old", "cache.new"):
        assert await RefreshLeases(uow, business.id, Rail.QBO, purpose=purpose).take(strategy="page", now=now) == 1
    async with uow([business.id]) as unit:
        aged = "UPDATE refresh_lease SET leased_until = now() - interval '8 days' WHERE rail <> 'qbo.cache.new'"
        await unit.session.execute(text(aged))
    gone = await housekeeping(database, jobs_uow, access_uow)
    assert gone["sync_cache"] >= 1
    async with uow([business.id]) as unit:
        leases = set(await unit.session.scalars(text("SELECT rail FROM refresh_lease")))
    assert leases == {"qbo", "qbo.backfill", "qbo.cache.new"}
    assert [await cache.find(key) is not None for key in ("new", "old")] == [True, False]
    await engine.dispose()


async def test_figures_that_nobody_decides_on_any_more_go(
    database: Database, jobs_uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
) -> None:
    now = SystemClock().now()
    engine = create_engine(database.app_url, pool_size=1)
    try:
        uow_of = unit_of_work_factory(engine)
        async with access_uow([]) as uow:
            business = await BusinessService().create_business(uow.session, "Looker", now=now)
        async with uow_of([business.id]) as uow:
            service, by = SeenFiguresService(business.id), Viewer("user:1", "r")
            old = await service.keep(uow.session, {"low": "1.00"}, by=by, now=now - timedelta(days=8))
            new = await service.keep(uow.session, {"low": "2.00"}, by=by, now=now - timedelta(days=6))
            ids = {"old": old.id, "new": new.id}
        gone = await housekeeping(database, jobs_uow, access_uow)
        assert gone["seen_figures"] == 1
        async with uow_of([business.id]) as uow:
            assert list(await uow.session.scalars(select(SeenFigures.id))) == [ids["new"]]
    finally:
        await engine.dispose()
