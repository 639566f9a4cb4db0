"""The machine of `make prove ONLY=books`, smaller: after each step of any history the books, reports and the oracle agree."""

from benchmarks.proofs.books import live
from benchmarks.proofs.histories.drafts import DRAFTED
from benchmarks.proofs.histories.machine import NAMES, Histories


def test_whatever_happens_everything_still_agrees() -> None:
    Histories.tally.clear()
    live(25)
    tally = Histories.tally
    assert all(tally[f"took: create {kind}"] for kind in (*DRAFTED, *NAMES, "BillPayment", "Payment"))
    for verb in ("delete", "void", "update", "sparse"):
        assert any(what.startswith(f"took: {verb}") for what in tally)
    assert tally["replayed"]
    assert tally["took: repeated anew"]
