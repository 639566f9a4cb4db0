from infra.actions.states import CANCELLABLE, EDGES, SETTLED, ActionState

_S = ActionState


def test_every_state_has_its_edges_and_none_leads_to_itself() -> None:
    assert set(EDGES) == set(ActionState)
    assert all(state not in possible for state, possible in EDGES.items())


def test_what_was_in_doubt_never_becomes_what_can_be_taken_back() -> None:
    reached, waiting = set(), [_S.UNKNOWN]
    while waiting:
        state = waiting.pop()
        reached.add(state)
        # A replay is a sending; what it leads to from there is the trigger's and the checks' to say.
        waiting += [to for to in EDGES[state] if to not in reached and state is not _S.SENDING]
    assert not reached & CANCELLABLE


def test_nothing_is_sent_but_from_a_claim_or_a_doubt() -> None:
    assert {state for state, possible in EDGES.items() if _S.SENDING in possible} == {_S.CLAIMED, _S.UNKNOWN}


def test_what_can_be_taken_back_was_not_sent() -> None:
    assert all(_S.CANCELLED in EDGES[state] for state in CANCELLABLE)
    assert {state for state, possible in EDGES.items() if _S.CANCELLED in possible} == CANCELLABLE
    assert not CANCELLABLE & SETTLED
