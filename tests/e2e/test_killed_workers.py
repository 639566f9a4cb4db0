from pathlib import Path

import pytest

from benchmarks.proofs import killed_workers
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.mark.timeout(600)
async def test_workers_killed_at_random_instants(own_database: Database, own_redis_url: str, tmp_path: Path) -> None:
    """A sample of `make prove ONLY=killed_workers`."""
    addresses = ServerAddresses(
        database_owner_url=own_database.owner_url, database_app_url=own_database.app_url, redis_url=own_redis_url
    )
    killing = await killed_workers.prove(addresses, home=tmp_path, kills=2, seed=3, patience_seconds=200)
    assert [measure for measure in killed_workers.measures_of(killing, kills=2) if not measure.ok] == []
