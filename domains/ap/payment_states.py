"""What a payment's state means to whoever wants to execute it or take it back. Pure."""

from infra.actions.models import ActionIntent
from infra.actions.states import ActionState

GIVEN_UP = frozenset({ActionState.CANCELLED.value, ActionState.FAILED.value})


def waits(intent: ActionIntent) -> bool:
    """Whether a person can set it going: it is held, or scheduled and its day has not come."""
    return intent.state == ActionState.BLOCKED.value or (
        intent.state == ActionState.REQUESTED.value and intent.not_before is not None
    )


def end_of(intent: ActionIntent) -> str:
    """What became of an action that is over, or that it is not over."""
    match ActionState(intent.state):
        case ActionState.CANCELLED:
            return "It was cancelled."
        case ActionState.FAILED:
            return f"It was not recorded: {intent.outcome_words or 'QuickBooks refused it.'}"
        case ActionState.CONFIRMED:
            return f"It is recorded in QuickBooks ({intent.external_id})."
        case _:
            return "It is not settled yet."
