"""What a person reads of an action, by its state. Nothing is said that is not known."""

from dataclasses import dataclass
from typing import assert_never

from infra.actions.accept import BY_ACCESS
from infra.actions.models import ActionIntent
from infra.actions.states import CANCELLABLE, ActionState
from infra.config import Rail

_RAIL_NAMES = {Rail.QBO.value: "QuickBooks"}


@dataclass(frozen=True)
class StateWords:
    """`may`: what the reader can do about it: cancel, release, reconnect, review, open, start_again."""

    title: str
    text: str
    may: tuple[str, ...] = ()


def words_of_state(row: ActionIntent) -> StateWords:  # noqa: PLR0911 - a table, some lines a state
    rail = _RAIL_NAMES.get(row.rail, row.rail)
    state = ActionState(row.state)
    match state:
        case ActionState.REQUESTED | ActionState.CLAIMED | ActionState.RETRY_WAIT:
            may = ("cancel",) if state in CANCELLABLE else ()
            return StateWords("Queued", _queued(row, rail, state), may)
        case ActionState.SENDING:
            return StateWords("Being recorded", f"{rail} is being told at this moment.")
        case ActionState.UNKNOWN:
            text = (
                f"{rail} has not confirmed it yet, and we are finding out. Until then everything that it is for is kept locked here; "
                f"please do not enter it in {rail} by hand."
            )
            return StateWords("Checking", text)
        case ActionState.BLOCKED:
            return _blocked(row, rail)
        case ActionState.NEEDS_REVIEW:
            text = f"{row.outcome_words or 'It could not be proved either way.'} Our reference is {row.mark}."
            return StateWords("Needs your eyes", text, ("review",))
        case ActionState.CONFIRMED:
            if row.reversed_at is not None:
                text = f"It was recorded in {rail} as number {row.external_id}, and removed there since."
                return StateWords("Removed since", text, ("start_again",))
            return StateWords("Recorded", f"Recorded in {rail} as number {row.external_id}.", ("open",))
        case ActionState.FAILED:
            return StateWords(
                "Not recorded", f"Not recorded: {row.outcome_words or row.outcome_code}", ("start_again",)
            )
        case ActionState.CANCELLED:
            return StateWords("Cancelled", f"It was taken back before {rail} was told.", ("start_again",))
    assert_never(state)


def _queued(row: ActionIntent, rail: str, state: ActionState) -> str:
    if state is ActionState.RETRY_WAIT and row.due_at is not None and row.waits:
        return f"{rail} is slow or away. We keep trying; next at {row.due_at:%H:%M:%S} UTC."
    if row.not_before is not None and row.not_before > row.changed_at:
        return f"It waits for its day: {row.not_before:%Y-%m-%d %H:%M} UTC."
    return f"{rail} is told in a moment."


def _blocked(row: ActionIntent, rail: str) -> StateWords:
    if row.hold == BY_ACCESS:
        text = f"{rail} does not let us in any more. Connect it again; this goes on by itself then."
        return StateWords("Waits for the connection", text, ("reconnect", "cancel"))
    return StateWords("On hold", row.held or "It waits for somebody's word.", ("release", "cancel"))
