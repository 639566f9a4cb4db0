from datetime import UTC, datetime

import pytest

from infra.actions.classify import Reading, read_answer
from infra.actions.rail import AnswerKind, SendStage, WriteAnswer
from infra.actions.spec import Manner
from infra.actions.states import EDGES, ActionState

_S, _K = ActionState, AnswerKind
FIRST = {
    _K.DONE: Reading(_S.CONFIRMED),
    _K.NOT_SENT: Reading(_S.RETRY_WAIT, was_not_executed=True),
    _K.NOT_EXECUTED: Reading(_S.RETRY_WAIT, was_not_executed=True),
    _K.REFUSED: Reading(_S.FAILED),
    _K.STALE: Reading(_S.FAILED),
    _K.DUPLICATE_NUMBER: Reading(_S.FAILED, look_for_own=True),
    _K.ACCESS_GONE: Reading(_S.BLOCKED, was_not_executed=True),
    _K.DOUBTFUL: Reading(_S.UNKNOWN),
}


def read(kind: AnswerKind, *, manner: Manner = Manner.CREATE, ever_ambiguous: bool = False) -> Reading:
    answer = WriteAnswer(kind, SendStage.BODY, datetime(2026, 11, 21, tzinfo=UTC))
    return read_answer(answer, manner=manner, ever_ambiguous=ever_ambiguous)


@pytest.mark.parametrize("kind", AnswerKind)
def test_of_the_first_request(kind: AnswerKind) -> None:
    assert read(kind) == FIRST[kind]


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("kind", [kind for kind in AnswerKind if kind is not AnswerKind.DONE])
def test_after_a_doubt_nothing_but_a_success_is_believed(kind: AnswerKind, manner: Manner) -> None:
    reading = read(kind, manner=manner, ever_ambiguous=True)
    assert (reading.to, reading.is_stale) == (ActionState.UNKNOWN, False)


def test_a_success_is_believed_also_after_a_doubt() -> None:
    assert read(AnswerKind.DONE, ever_ambiguous=True).to is ActionState.CONFIRMED


def test_only_a_change_is_built_anew_when_it_is_stale() -> None:
    assert read(AnswerKind.STALE, manner=Manner.CHANGE) == Reading(ActionState.RETRY_WAIT, is_stale=True)


@pytest.mark.parametrize("ever_ambiguous", [False, True])
@pytest.mark.parametrize("kind", AnswerKind)
def test_every_reading_is_an_edge_of_sending(kind: AnswerKind, *, ever_ambiguous: bool) -> None:
    assert read(kind, ever_ambiguous=ever_ambiguous).to in EDGES[ActionState.SENDING]
