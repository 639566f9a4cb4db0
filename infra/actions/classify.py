"""What an answer, or none, lets us believe about a write. Pure: the table of the protocol."""

from dataclasses import dataclass, replace
from typing import assert_never

from infra.actions.rail import AnswerKind, WriteAnswer
from infra.actions.spec import Manner
from infra.actions.states import ActionState


@dataclass(frozen=True)
class Reading:
    """Where an answer leads.

    Attributes:
        was_not_executed: surely not: it is no doubt more than there was before, and the try is given back.
        is_stale: what it was built on has passed; it is built anew.
        look_for_own: its number is taken, perhaps by ourselves: find out before `to` is believed.
    """

    to: ActionState
    was_not_executed: bool = False
    is_stale: bool = False
    look_for_own: bool = False


def read_answer(answer: WriteAnswer, *, manner: Manner, ever_ambiguous: bool) -> Reading:
    """`ever_ambiguous`: an earlier request of the same action may have been executed, so that no refusal says that it was not.

    A success is CONFIRMED here; whether what it shows is what was sent is for the spec to check.
    """
    reading = _first(answer.kind, manner)
    is_no_proof = ever_ambiguous and reading.to is not ActionState.CONFIRMED
    return replace(reading, to=ActionState.UNKNOWN, is_stale=False) if is_no_proof else reading


def _first(kind: AnswerKind, manner: Manner) -> Reading:  # noqa: PLR0911 - a table, a line a kind
    """Of the first request that may have been executed at all."""
    match kind:
        case AnswerKind.DONE:
            return Reading(ActionState.CONFIRMED)
        case AnswerKind.NOT_SENT | AnswerKind.NOT_EXECUTED:
            return Reading(ActionState.RETRY_WAIT, was_not_executed=True)
        case AnswerKind.ACCESS_GONE:
            return Reading(ActionState.BLOCKED, was_not_executed=True)
        case AnswerKind.STALE if manner is Manner.CHANGE:
            return Reading(ActionState.RETRY_WAIT, is_stale=True)
        case AnswerKind.REFUSED | AnswerKind.STALE:  # a CREATE's body never changes: it would be stale for ever
            return Reading(ActionState.FAILED)
        case AnswerKind.DUPLICATE_NUMBER:
            return Reading(ActionState.FAILED, look_for_own=True)
        case AnswerKind.DOUBTFUL:
            return Reading(ActionState.UNKNOWN)
    assert_never(kind)
