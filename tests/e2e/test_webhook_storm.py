from pathlib import Path

from benchmarks.proofs import webhook_storm
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


async def test_a_storm_of_announcements_true_and_forged(database: Database, redis_url: str, tmp_path: Path) -> None:
    """A sample of `make prove ONLY=webhooks`. How long an answer takes is that proof's to say."""
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    storm = await webhook_storm.prove(addresses, home=tmp_path, requests=250, seed=7)
    timeless = [measure for measure in webhook_storm.measures_of(storm, requests=250) if measure.unit != "ms"]
    assert [measure for measure in timeless if not measure.ok] == []
