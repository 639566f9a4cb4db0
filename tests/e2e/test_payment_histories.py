"""Samples of `make prove ONLY=payments`."""

import secrets
from pathlib import Path

import pytest

from benchmarks.proofs.payments import full, proof
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.mark.timeout(240)
async def test_whatever_fails_there_is_one_payment_or_none_as_people_were_told(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    fresh = secrets.randbelow(1_000_000_000)
    seeds = [*range(1, 61), *range(fresh, fresh + 20)]
    outcome = await proof.prove(addresses, home=tmp_path, seeds=seeds, lanes=4)
    measures = full.measures_of(outcome, histories=len(seeds))
    assert outcome.wrong == {}, "python -m benchmarks.proofs.payments.child --seeds … plays one again"
    assert [measure for measure in measures if not measure.ok and measure.unit != "%"] == []
