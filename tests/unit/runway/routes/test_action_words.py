"""What a person reads of an action in each of its states, and what they may do."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domains.ap.pay_bills import PAY_BILLS_OPERATION
from domains.ap.paying_service import NEEDS_SECOND_PERSON
from infra.actions.accept import BY_ACCESS, BY_PERSON
from infra.actions.models import ActionIntent
from infra.actions.states import CANCELLABLE, SETTLED, ActionState
from runway.routes.action_out import standing
from runway.routes.action_words import ENDS, PAYING, Deed, May, Outcome, Told, standing_of

NOW = datetime(2026, 3, 15, 21, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")
S = ActionState


def told(state: ActionState, **given: Any) -> Any:
    return standing_of(Told(state, PAYING, "LP-ABC", **given), now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("held", "outcome", "words"),
    [
        ("Somebody other than who asked for it has to release it.", Outcome.SECOND_PERSON, "Waits for a second person"),
        ("Bill 7 was changed in QuickBooks.", Outcome.HELD, "On hold. Bill 7 was changed in QuickBooks."),
    ],
)
def test_what_needed_a_second_person_says_what_it_waits_for_now(held: str, outcome: Outcome, words: str) -> None:
    row = ActionIntent(
        state=S.BLOCKED.value,
        operation=PAY_BILLS_OPERATION,
        mark="LP-ABC",
        hold=BY_PERSON,
        held=held,
        facts={NEEDS_SECOND_PERSON: True},
    )
    stands = standing(row, now=NOW, zone=ZONE)
    assert (stands.outcome, stands.text.startswith(words)) == (outcome, True)


@pytest.mark.parametrize("state", list(ActionState))
def test_every_state_has_words_and_an_outcome(state: ActionState) -> None:
    stands = told(state)
    assert stands.text.endswith((".", "…"))
    assert (stands.outcome in ENDS) is (state in SETTLED)
    assert (May.CANCEL in stands.may) is (state in CANCELLABLE)


@pytest.mark.parametrize(
    ("state", "given", "words"),
    [
        (S.REQUESTED, {}, "Queued. QuickBooks will be told in a moment."),
        (S.RETRY_WAIT, {"due_at": NOW + timedelta(minutes=2)}, "we keep trying, next try 14:02."),
        (S.UNKNOWN, {}, "Please do not pay this bill elsewhere; it is locked here."),
        (S.CONFIRMED, {"external_id": "123", "settled_at": NOW}, "Recorded in QuickBooks as payment 123, 14:00."),
        (
            S.CONFIRMED,
            {"external_id": "123", "settled_at": NOW - timedelta(days=2)},
            "Recorded in QuickBooks as payment 123, 2026-03-13.",
        ),
        (S.CONFIRMED, {"external_id": "1", "is_reversed": True}, "It has been voided or deleted there since."),
        (S.FAILED, {"reason": "Bill 2231 is paid already."}, "Not recorded: Bill 2231 is paid already."),
        (S.FAILED, {}, "Not recorded: QuickBooks refused it."),
        (S.NEEDS_REVIEW, {}, "Look for LP-ABC in QuickBooks and tell us"),
        (S.BLOCKED, {"hold": BY_ACCESS}, "Needs reconnecting to QuickBooks; it will go out by itself afterwards."),
        (S.BLOCKED, {"hold": BY_PERSON, "needs_second_person": True}, "Waits for a second person"),
        (
            S.BLOCKED,
            {"hold": BY_PERSON, "reason": "Somebody has to execute it."},
            "On hold. Somebody has to execute it.",
        ),
    ],
)
def test_the_words_say_what_is_known(state: ActionState, given: dict[str, Any], words: str) -> None:
    assert words in told(state, **given).text


def test_a_day_to_come_is_scheduled_until_somebody_brings_it_forward() -> None:
    day = NOW + timedelta(days=5)
    waiting = told(S.REQUESTED, not_before=day, due_at=day)
    assert (waiting.outcome, waiting.may) == (Outcome.SCHEDULED, (May.EXECUTE, May.CANCEL))
    assert "2026-03-20" in waiting.text
    assert told(S.REQUESTED, not_before=day, due_at=NOW).outcome is Outcome.PROCESSING


def test_what_can_still_be_undone_says_until_when() -> None:
    until = NOW + timedelta(seconds=8)
    waiting = told(S.REQUESTED, not_before=until, due_at=until, is_undoable=True)
    assert (waiting.outcome, waiting.may) == (Outcome.PROCESSING, (May.CANCEL,))
    assert "at 14:00:08. Until then" in waiting.text
    over = told(S.REQUESTED, not_before=until, due_at=NOW, is_undoable=True)
    assert (over.outcome, over.may) == (Outcome.PROCESSING, (May.CANCEL,))
    assert "in a moment" in over.text


def test_only_what_is_there_and_can_be_taken_back_may_be_voided() -> None:
    assert told(S.CONFIRMED, external_id="1").may == (May.VOID,)
    assert told(S.CONFIRMED, external_id="1", is_reversed=True).may == ()
    mailed = Told(S.CONFIRMED, Deed("QuickBooks has mailed it"), "LP-ABC", external_id="1")
    assert standing_of(mailed, now=NOW, zone=ZONE).may == ()


def test_what_waits_for_a_person_says_for_which() -> None:
    assert told(S.BLOCKED, hold=BY_ACCESS).may == (May.RECONNECT, May.CANCEL)
    assert told(S.BLOCKED, hold=BY_PERSON).may == (May.EXECUTE, May.CANCEL)
    assert told(S.NEEDS_REVIEW).may == (May.REVIEW,)
