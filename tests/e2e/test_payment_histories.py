"""Samples of `make prove ONLY=payments`, `payment_guards` and `payment_interleavings`."""

import secrets
from pathlib import Path

import pytest

from benchmarks.proofs.payments import full, guards, interleavings, proof
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.fixture
def addresses(database: Database, redis_url: str) -> ServerAddresses:
    return ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )


@pytest.mark.timeout(240)
async def test_whatever_fails_there_is_one_payment_or_none_as_people_were_told(
    addresses: ServerAddresses, tmp_path: Path
) -> None:
    fresh = secrets.randbelow(1_000_000_000)
    seeds = [*range(1, 6), *range(fresh, fresh + 4)]
    outcome = await proof.prove(addresses, home=tmp_path, seeds=seeds, lanes=3)
    measures = full.measures_of(outcome, histories=len(seeds))
    assert outcome.wrong == {}, "python -m benchmarks.proofs.payments.child --seeds … plays one again"
    assert [measure for measure in measures if not measure.ok and measure.unit != "%"] == []


@pytest.mark.timeout(240)
async def test_a_guard_that_is_taken_away_is_missed(addresses: ServerAddresses, tmp_path: Path) -> None:
    names = ("the intention is written after the call", "bills are not guarded")
    hunts = await guards.prove(addresses, home=tmp_path, names=names, lanes=2)
    assert [hunt.name for hunt in hunts if not hunt.what] == []


@pytest.mark.timeout(240)
async def test_two_workers_in_any_order_record_one_payment(addresses: ServerAddresses, tmp_path: Path) -> None:
    walks = await interleavings.prove(
        addresses, home=tmp_path, troubles=["the answer is lost"], lanes=2, most=8, seed=secrets.randbelow(10**9)
    )
    walk = walks["the answer is lost"]
    assert (walk.wrong, walk.walked >= 8) == ({}, True)
