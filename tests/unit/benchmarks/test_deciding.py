"""What the histories of payments take for surely forbidden: never what may have crossed the send."""

import pytest

from benchmarks.proofs.payments.deciding import Send, Word, is_forbidden

SEND = Send(frozenset({"7", "8"}), taken_at=100.0, at=101.0)
NEEDED = Word(None, allows=False, begun=0, done=1)
YES_TO_BOTH = [Word(bill, allows=True, begun=2, done=3) for bill in "78"]


def withdrawn(begun: float, done: float) -> Word:
    return Word("7", allows=False, begun=begun, done=done, waits=True)


def changed(at: float) -> Word:
    return Word("7", allows=False, begun=at, done=at)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], False),
        ([NEEDED], True),
        ([NEEDED, *YES_TO_BOTH[:1]], True),
        ([NEEDED, *YES_TO_BOTH], False),
        ([*YES_TO_BOTH, Word(None, allows=False, begun=50, done=51)], False),
        ([NEEDED, *YES_TO_BOTH, withdrawn(50, 51)], True),
        ([*YES_TO_BOTH, withdrawn(50, 51)], False),
        # Somebody who withdraws waits for a payment that is being sent; the books and the policy do not.
        ([NEEDED, *YES_TO_BOTH, withdrawn(100.1, 100.9)], True),
        ([NEEDED, *YES_TO_BOTH, withdrawn(100.1, 101.1)], False),
        ([NEEDED, *YES_TO_BOTH, changed(99.9)], True),
        ([NEEDED, *YES_TO_BOTH, changed(100.1)], False),
        ([Word(None, allows=False, begun=100.1, done=100.2)], False),
        ([NEEDED, Word(None, allows=True, begun=98, done=99)], False),
        ([NEEDED, Word(None, allows=True, begun=100.5, done=102)], False),
        ([NEEDED, Word(None, allows=True, begun=101.5, done=102)], True),
        ([NEEDED, *YES_TO_BOTH, withdrawn(50, 51), Word("7", allows=True, begun=60, done=61)], False),
        ([NEEDED, *YES_TO_BOTH, withdrawn(50, 51), Word("7", allows=True, begun=100.9, done=103)], False),
        ([NEEDED, *YES_TO_BOTH, withdrawn(50, 55), Word("7", allows=True, begun=52, done=56)], False),
    ],
)
def test_only_what_was_said_before_it_could_be_heard_forbids(words: list[Word], *, expected: bool) -> None:
    assert is_forbidden(SEND, words) is expected
