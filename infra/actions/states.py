"""The states of an action on a rail's books, and the only ways between them. The database holds the same table (a trigger)."""

from collections.abc import Mapping
from enum import StrEnum


class ActionState(StrEnum):
    REQUESTED = "requested"
    CLAIMED = "claimed"  # a worker has it; nothing was sent
    SENDING = "sending"  # the request may reach the rail from now on
    UNKNOWN = "unknown"  # it may have been executed: looked for, never assumed
    RETRY_WAIT = "retry_wait"  # surely not executed; tried again when it is due
    BLOCKED = "blocked"  # waits for a person: a release, or a new connection
    NEEDS_REVIEW = "needs_review"  # neither proved nor disproved
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = ActionState

EDGES: Mapping[ActionState, frozenset[ActionState]] = {
    _S.REQUESTED: frozenset({_S.CLAIMED, _S.BLOCKED, _S.CANCELLED}),
    _S.BLOCKED: frozenset({_S.REQUESTED, _S.CANCELLED}),
    _S.CLAIMED: frozenset({_S.SENDING, _S.RETRY_WAIT, _S.BLOCKED, _S.CONFIRMED, _S.FAILED, _S.UNKNOWN}),
    _S.RETRY_WAIT: frozenset({_S.CLAIMED, _S.BLOCKED, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.CONFIRMED, _S.FAILED, _S.RETRY_WAIT, _S.BLOCKED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.SENDING, _S.CONFIRMED, _S.FAILED, _S.NEEDS_REVIEW}),
    _S.NEEDS_REVIEW: frozenset({_S.CONFIRMED, _S.FAILED}),
    # Found later than everybody thought possible; or gone although the rail had said that it was there.
    _S.FAILED: frozenset({_S.CONFIRMED}),
    _S.CONFIRMED: frozenset({_S.NEEDS_REVIEW}),
    _S.CANCELLED: frozenset(),
}

SETTLED = frozenset({_S.CONFIRMED, _S.FAILED, _S.CANCELLED})
# Nothing has left yet, and nothing will without another step of ours.
CANCELLABLE = frozenset({_S.REQUESTED, _S.BLOCKED, _S.RETRY_WAIT})
