"""`make prove ONLY=readers` at the size of a sample: two hundred readers, over two processes."""

from pathlib import Path

import pytest

from benchmarks.proofs.readers import WAITED, prove
from infra.embedded.servers import ServerAddresses
from infra.sync.freshness import SyncStrategy
from tests.rig import Database


@pytest.mark.timeout(300)
async def test_two_hundred_readers_cost_one_refresh_and_none_waits_for_a_quickbooks_that_hangs(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    strategies = (SyncStrategy.PAGE, SyncStrategy.ON_DEMAND)
    result = await prove(addresses, home=tmp_path, readers=200, strategies=strategies, processes=2)
    # By the clock is the full proof's bar; here everybody has come back, and was told.
    assert [one for one in result.measures if not one.ok and not one.name.startswith(WAITED)] == []
