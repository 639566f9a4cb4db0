from dataclasses import replace
from datetime import timedelta

import pytest

from infra.actions.judging import Doubt, Next, judge
from infra.actions.spec import Manner, NotThere
from infra.actions.timing import ActionTiming

MINUTE = timedelta(minutes=1)
OPEN, CLOSED, UNMOVED = NotThere(), NotThere(is_impossible=True), NotThere(is_unmoved=True)
CREATE = Doubt(Manner.CREATE, 2 * MINUTE, 2 * MINUTE, denials=1, replays=0, trusts_request_id=True)
CHANGE = replace(CREATE, manner=Manner.CHANGE, trusts_request_id=False)


def after_long(doubt: Doubt, *, quiet: timedelta = 31 * MINUTE, denials: int = 3) -> Doubt:
    return replace(doubt, quiet=quiet, age=61 * MINUTE, denials=denials)


@pytest.mark.parametrize(
    ("finding", "doubt", "following"),
    [
        (OPEN, replace(CREATE, quiet=timedelta(seconds=59)), Next.WAIT),
        (CLOSED, replace(CREATE, quiet=timedelta(seconds=59)), Next.WAIT),
        (OPEN, CREATE, Next.REPLAY),
        (OPEN, replace(CREATE, trusts_request_id=False), Next.WAIT),
        (OPEN, replace(CREATE, age=61 * MINUTE), Next.WAIT),
        (OPEN, replace(CREATE, replays=2), Next.WAIT),
        (OPEN, replace(CREATE, quiet=3 * MINUTE, replays=2), Next.REPLAY),
        (OPEN, replace(CREATE, quiet=4 * MINUTE, replays=3), Next.WAIT),
        (OPEN, replace(CREATE, quiet=5 * MINUTE, replays=11), Next.REPLAY),
        (OPEN, replace(CREATE, quiet=5 * MINUTE, replays=12), Next.WAIT),
        (CLOSED, CREATE, Next.WAIT),
        (CLOSED, after_long(CREATE), Next.FAIL),
        (CLOSED, after_long(CREATE, denials=2), Next.WAIT),
        (OPEN, after_long(CREATE), Next.REVIEW),
        (OPEN, after_long(CREATE, denials=2), Next.WAIT),
        (OPEN, after_long(CREATE, quiet=29 * MINUTE), Next.WAIT),
        (UNMOVED, CHANGE, Next.REPLAY),
        (UNMOVED, replace(CHANGE, quiet=timedelta(seconds=59)), Next.WAIT),
        (OPEN, CHANGE, Next.WAIT),
        (CLOSED, CHANGE, Next.FAIL),
        (CLOSED, replace(CHANGE, quiet=timedelta(seconds=59)), Next.WAIT),
        (UNMOVED, after_long(CHANGE), Next.REVIEW),
        (OPEN, after_long(CHANGE), Next.REVIEW),
    ],
)
def test_what_follows_a_look_in_vain(finding: NotThere, doubt: Doubt, following: Next) -> None:
    assert judge(finding, doubt, ActionTiming()) is following
