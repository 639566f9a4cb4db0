"""`make prove`'s cancellation storm, at the size of a sample: permanent, because a library's next release may bring the leak."""

import random

from benchmarks.proofs.cancellation import prove
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


async def test_clients_that_leave_leak_nothing(database: Database) -> None:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url="unix:///none"
    )
    seed = random.SystemRandom().randrange(2**31)
    result = await prove(addresses, requests=1000, seed=seed)
    assert result.ok, (seed, result)
