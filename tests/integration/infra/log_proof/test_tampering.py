"""`make prove`'s proof of the sealed log, at the size of a sample: each kind of tampering twice, on a fresh seed."""

import random
from pathlib import Path

from benchmarks.proofs.tampering import summed_up, tamper
from benchmarks.proofs.tampering.acts import ACTS
from benchmarks.proofs.tampering.sealed_log import make_sealed_log
from tests.rig import Database


def test_every_tampering_is_found_and_named_by_both_verifiers(
    log_database: Database, sealer_url: str, directory: Path
) -> None:
    seed = random.SystemRandom().randrange(2**31)
    log = make_sealed_log(log_database.superuser_url, sealer_url, directory, seed=seed)
    tally = tamper(log, 2 * len(ACTS), seed=seed)
    assert summed_up(tally, seed=seed, seconds=0).ok, (seed, tally)
