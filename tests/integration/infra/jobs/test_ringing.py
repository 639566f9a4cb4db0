"""Which rows are rung for: the row just asked for by its own commit, and each queue's due rows whatever lies in the others."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text

from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.jobs import outbox
from infra.jobs.outbox import OutboxRow, Ring
from tests.rig import Database


@pytest.fixture
async def crowded(uow: UnitOfWorkFactory) -> AsyncIterator[None]:
    """More work than a sweep rings for waits in the slowest queue, and has waited longest."""
    async with uow([]) as unit:
        # What other tests asked for and nobody did would crowd the urgent queue as well.
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE finished_at IS NULL"))
        await unit.session.execute(
            text(
                "INSERT INTO outbox (queue, job, arguments, due_at) "
                "SELECT 'bulk', 'crowd', '[]', now() - interval '1 day' FROM generate_series(1, 250)"
            )
        )
    yield
    async with uow([]) as unit:
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE job = 'crowd'"))


@pytest.mark.usefixtures("crowded")
async def test_a_full_queue_does_not_keep_another_from_being_rung(uow: UnitOfWorkFactory) -> None:
    async with uow([]) as unit:
        row = OutboxRow(queue="actions", job="urgent", arguments=[])
        unit.session.add(row)
    async with uow([]) as unit:
        due = await outbox.list_due(unit.session)
        assert row.id in {ring.outbox_id for ring in due}
        await unit.session.execute(text("UPDATE outbox SET finished_at = now() WHERE job = 'urgent'"))


@pytest.mark.usefixtures("crowded")
async def test_a_commit_rings_for_its_own_rows_alone(database: Database) -> None:
    rung: list[Ring] = []

    async def ring(rings: Sequence[Ring]) -> None:
        rung.extend(rings)

    engine = create_engine(database.jobs_url, pool_size=1)
    uow = unit_of_work_factory(engine, ring=ring)
    async with uow([]) as unit:
        unit.enqueue("crowd", "a", queue="sync")
        unit.enqueue("crowd", "b", queue="bulk")
    async with uow([]) as unit:
        query = text("SELECT id, queue FROM outbox WHERE arguments IN ('[\"a\"]', '[\"b\"]') AND finished_at IS NULL")
        asked = {(row.id, row.queue) for row in await unit.session.execute(query)}
    await engine.dispose()
    assert {(ring.outbox_id, ring.queue) for ring in rung} == asked
    assert len(rung) == 2
