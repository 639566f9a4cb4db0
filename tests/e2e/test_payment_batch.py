from pathlib import Path

import pytest

from benchmarks.proofs import payment_batch
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.mark.timeout(600)
async def test_a_batch_beside_what_is_read(own_database: Database, own_redis_url: str, tmp_path: Path) -> None:
    """A sample of `make prove ONLY=payment_batch`. Whose share of the calls is how large is that proof's to say: twelve payments are done in
    seconds, in which what is read in the background may have to stand back all the time. It was at it when they came.
    """
    addresses = ServerAddresses(
        database_owner_url=own_database.owner_url, database_app_url=own_database.app_url, redis_url=own_redis_url
    )
    batch = await payment_batch.prove(addresses, home=tmp_path, payments=12)
    shares = {"calls of the background meanwhile"}
    counted = [
        measure for measure in payment_batch.measures_of(batch) if measure.unit != "%" and measure.name not in shares
    ]
    assert batch.background_before > 0
    assert [measure for measure in counted if not measure.ok] == []
