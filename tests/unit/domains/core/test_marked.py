"""What counts when one mark is on several objects."""

from domains.core.marked import one_of
from infra.actions.rail import Payload
from infra.actions.spec import Found

VOIDED: Payload = {"Id": "1", "TotalAmt": 0, "Line": [], "PrivateNote": "Voided"}
LIVE: Payload = {"Id": "2", "TotalAmt": 10, "Line": [{}]}


def test_what_counts_comes_before_what_was_voided_and_each_is_named_once() -> None:
    assert one_of([]) is None
    assert one_of([VOIDED, LIVE, LIVE]) == Found(LIVE)
    assert one_of([VOIDED]) == Found(VOIDED)
    assert one_of([LIVE, VOIDED, {**LIVE, "Id": "3"}]) == Found(LIVE, ("3",))
