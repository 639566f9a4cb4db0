"""`make prove`'s storm of tenants at the size of a sample, and the walls taken down on purpose."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from benchmarks.proofs.tenancy import find_what_is_broken, prove
from benchmarks.proofs.tenancy.proof import LEAST_SUCCESSES, Stage, open_stage
from infra.embedded.servers import ServerAddresses
from tests.rig import Database

FRESH = random.SystemRandom().randrange(2**31)


@pytest.fixture
async def stage(own_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """In a database that holds nothing else: around each request that is refused all its rows are summed."""
    addresses = ServerAddresses(
        database_owner_url=own_database.owner_url, database_app_url=own_database.app_url, redis_url=redis_url
    )
    with capture_logs():  # some hundred refusals tell nothing here
        async with open_stage(addresses, tmp_path) as opened:
            yield opened


@pytest.mark.parametrize(("seed", "requests"), [(1, 300), pytest.param(FRESH, 150, id="fresh")])
async def test_nobody_sees_or_does_what_is_anothers(stage: Stage, seed: int, requests: int) -> None:
    result, tally = await prove(stage, requests=requests, seed=seed)
    assert tally.wrong == [], seed
    # That every role does once what it may takes more requests than a fresh seed's sample has: the full proof's and the fixed seed's.
    by_luck = {LEAST_SUCCESSES} if seed == FRESH else set()
    missed = [measure for measure in result.measures if not measure.ok and measure.name not in by_luck]
    assert missed == [], (seed, tally.pairs - set(tally.served))


async def test_a_wall_taken_down_is_seen(stage: Stage) -> None:
    for measure in await find_what_is_broken(stage, seed=1, requests=30):
        assert measure.ok, measure
