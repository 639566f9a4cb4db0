"""What follows when an outcome is not known and was looked for in vain. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from infra.actions.spec import Manner, NotThere
from infra.actions.timing import ActionTiming


class Next(StrEnum):
    WAIT = "wait"
    REPLAY = "replay"  # the same request once more
    FAIL = "fail"  # it cannot have been, and cannot be any more
    REVIEW = "review"  # a person must look


@dataclass(frozen=True)
class Doubt:
    """How things stand with an action whose outcome is not known.

    Attributes:
        quiet: since the last send; what is looked at now was not there after that long.
        age: since the first send.
        denials: looks that found nothing, this one included, since the last send.
        trusts_request_id: the rail executes a request id once, as far as we know.
    """

    manner: Manner
    quiet: timedelta
    age: timedelta
    denials: int
    replays: int
    trusts_request_id: bool


def judge(finding: NotThere, doubt: Doubt, timing: ActionTiming) -> Next:
    """A CREATE may arrive late even where it can do no good any more; a CHANGE names a version, and a passed one shuts it out."""
    if not timing.is_settled(doubt.quiet):
        return Next.WAIT
    is_quiet = doubt.quiet >= timing.review_after and doubt.denials >= timing.review_negatives
    if finding.is_impossible:
        is_proof = doubt.manner is Manner.CHANGE or is_quiet
        return Next.FAIL if is_proof else Next.WAIT
    is_repeatable = doubt.trusts_request_id if doubt.manner is Manner.CREATE else finding.is_unmoved
    is_time = timing.may_replay(doubt.replays, quiet=doubt.quiet, age=doubt.age) if is_repeatable else None
    if is_time is not None:
        return Next.REPLAY if is_time else Next.WAIT
    return Next.REVIEW if is_quiet else Next.WAIT
