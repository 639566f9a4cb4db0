from pathlib import Path

import pytest

from benchmarks.proofs import payment_kills
from benchmarks.proofs.payment_kill_points import Moment, Round
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.mark.timeout(600)
async def test_workers_killed_around_a_send(own_database: Database, own_redis_url: str, tmp_path: Path) -> None:
    """A sample of `make prove ONLY=payment_kills`, with leases of two seconds. How soon all is settled is that proof's to say."""
    addresses = ServerAddresses(
        database_owner_url=own_database.owner_url, database_app_url=own_database.app_url, redis_url=own_redis_url
    )
    points = [Moment("send.before_call", payments=2), Moment("send.after_call", payments=2)]
    killing = await payment_kills.prove(
        addresses,
        home=tmp_path,
        work=[Round("around the send", "plain", points)],
        seed=4,
        pace=0.02,
        job_lease_seconds=2,
        patience_seconds=200,
    )
    timeless = [one for one in payment_kills.measures_of(killing, points=2, kills=2) if one.unit != "s"]
    assert [measure for measure in timeless if not measure.ok] == []
