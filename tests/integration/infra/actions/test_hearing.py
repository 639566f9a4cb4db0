import asyncio
from datetime import timedelta

import pytest

from infra.actions.errors import IntentNotFound
from infra.actions.sweeping import sweep
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.embedded.roles import connect
from infra.ids import new_id
from tests.integration.infra.actions.bench import Bench
from tests.rig import Database

SOON = timedelta(seconds=20)


async def test_who_waits_hears_of_the_outcome(bench: Bench) -> None:
    row = await bench.request()
    waiting = asyncio.create_task(bench.engine.wait_for_change(bench.business_id, row.id, up_to=SOON))
    await bench.changes.listen()
    await bench.work(row)
    assert (await waiting).state == "confirmed"


async def test_who_waits_for_what_is_answered_does_not_wait(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    assert (await bench.engine.wait_for_change(bench.business_id, row.id, up_to=SOON)).state == "confirmed"


async def test_who_waits_in_vain_gets_what_there_is(bench: Bench) -> None:
    row = await bench.request()
    short = timedelta(milliseconds=50)
    assert (await bench.engine.wait_for_change(bench.business_id, row.id, up_to=short)).state == "requested"
    with pytest.raises(IntentNotFound):
        await bench.engine.wait_for_change(bench.business_id, new_id(), up_to=short)


async def test_each_step_can_be_followed(bench: Bench) -> None:
    row = await bench.request()
    steps = bench.engine.watch(bench.business_id, row.id, up_to=SOON)
    assert (await anext(steps)).state == "requested"
    await bench.work(row)
    seen = [each.state async for each in steps]
    assert seen[-1] == "confirmed"


async def test_hearing_goes_on_after_the_connection_was_cut(bench: Bench, database: Database) -> None:
    row = await bench.request()
    await bench.changes.listen()
    with connect(database.superuser_url) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    waiting = asyncio.create_task(bench.engine.wait_for_change(bench.business_id, row.id, up_to=SOON))
    await asyncio.sleep(0.05)
    await bench.work(row)
    assert (await waiting).state == "confirmed"


async def test_a_step_that_nobody_asked_for_is_found(bench: Bench, jobs_uow: UnitOfWorkFactory) -> None:
    row = await bench.request()
    no_grace = timedelta(0)
    asked = await bench.steps(row)
    await sweep(jobs_uow, grace=no_grace)
    assert [step.id for step in await bench.steps(row)] == [step.id for step in asked]
    async with jobs_uow([]) as uow:
        for step in asked:
            await uow.session.delete(await uow.session.merge(step))
    bench.age(row)
    await sweep(jobs_uow, grace=no_grace)
    await sweep(jobs_uow, grace=no_grace)
    assert [step.arguments for step in await bench.steps(row)] == [[str(bench.business_id), str(row.id)]]
    assert (await bench.work(row)).state == "confirmed"
