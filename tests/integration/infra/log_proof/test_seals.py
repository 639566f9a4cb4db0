"""Which sealed batch holds a log row, for those who show rows beside their seals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.log_proof.seals import LoggedRow, find_seals
from tests.integration.infra.log_proof.test_sealing import Rig
from tests.rig import RunServers, create_worker_database


@pytest.fixture
def rig(servers: RunServers, worker_id: str, tmp_path: Path) -> Iterator[Rig]:
    database = create_worker_database(servers, f"oodaloo_seals_{worker_id}")
    made = Rig(database, database.app_url.replace("oodaloo_app@", "oodaloo_sealer@"), tmp_path)
    yield made
    made.close()


def rows_of(rig: Rig) -> list[LoggedRow]:
    query = "SELECT id, tx_xid::text FROM bill_transaction_log WHERE business_id = %s ORDER BY id"
    return [
        LoggedRow("bill_transaction_log", row_id, int(xid)) for row_id, xid in rig.writer.execute(query, [rig.business])
    ]


async def test_each_row_has_the_seal_of_its_own_batch_and_the_latest_none_yet(rig: Rig) -> None:
    for _ in range(2):
        rig.write(2)
        rig.seal()
    rig.write(1)
    first, second, third, fourth, unsealed = rows_of(rig)
    engine = create_engine(rig.database.app_url, pool_size=1)
    try:
        async with unit_of_work_factory(engine)([rig.business]) as uow:
            seals = await find_seals(uow.session, rig.business, rows_of(rig))
            assert await find_seals(uow.session, rig.business, []) == {}
    finally:
        await engine.dispose()
    assert [seals[row].batch_no for row in (first, second, third, fourth)] == [1, 1, 2, 2]
    assert seals[first] != seals[third]
    assert unsealed not in seals
    held = rig.writer.execute("SELECT batch_no, root, hash FROM log_batch WHERE business_id = %s", [rig.business])
    assert {(seal.batch_no, seal.root, seal.hash) for seal in seals.values()} == set(held.fetchall())
