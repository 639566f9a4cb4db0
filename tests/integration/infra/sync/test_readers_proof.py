"""`make prove ONLY=readers` at the size of a sample: two hundred readers, over processes."""

from pathlib import Path

from benchmarks.proofs.readers import WAITED, prove
from infra.embedded.servers import ServerAddresses
from infra.sync.freshness import SyncStrategy
from tests.rig import Database


async def test_two_hundred_readers_cost_one_refresh_and_none_waits_for_a_quickbooks_that_hangs(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    strategies = (SyncStrategy.PAGE, SyncStrategy.ON_DEMAND)
    result = await prove(addresses, home=tmp_path, readers=200, strategies=strategies)
    # By the clock are the full proof's bars, and who was told: on a busy machine the mirror is not stale yet when the first ask.
    by_the_clock = [one for one in result.measures if one.name.startswith(WAITED) or "told" in one.name]
    assert [one for one in result.measures if not one.ok and one not in by_the_clock] == []
