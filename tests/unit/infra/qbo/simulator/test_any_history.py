"""The machine of `make prove ONLY=books`, smaller: after each step of any history the books, reports and the oracle agree."""

import pytest

from benchmarks.proofs.books import finds, live
from benchmarks.proofs.histories.machine import EXPECTED, Histories


def test_whatever_happens_everything_still_agrees() -> None:
    Histories.tally.clear()
    live(14)
    tally = Histories.tally
    got_done = [what for what in EXPECTED if tally[f"took: {what}"]]
    assert len(got_done) > len(EXPECTED) / 2
    assert tally["replayed"]


@pytest.mark.parametrize(
    "fault", ["a requestid is not remembered", "a time is a second late", "the oracle misses commits"]
)
def test_a_broken_simulator_is_noticed(fault: str) -> None:
    assert finds(fault, histories=3)
