"""Joins a simulator to its state file: what is there comes back, what happens from now on is kept."""

from typing import Final

from infra.qbo.simulator.api.replies import Reply
from infra.qbo.simulator.oracle.journal import CURRENT
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.state.state_file import StateFile

_KEPT_SECONDS: Final = 30 * 86_400


class StateKeeper:
    """Attach before the first request. Companies that the file has not are written whole.

    The clock and kept companies must have come from the same file: see `load_companies`.
    """

    def __init__(self, simulator: Simulator, state: StateFile) -> None:
        self._simulator = simulator
        self._state = state
        self._revision = -1
        self._clock_revision = -1
        known = set(state.realm_ids())
        for company in simulator.companies.values():
            if company.realm_id not in known:
                state.put_company(company)
        kept = state.find_fact("oauth")
        if kept is not None:
            simulator.oauth.resume(kept)
        state.forget_before(simulator.clock.now().timestamp() - _KEPT_SECONDS)
        replies = simulator.replies.kept
        for realm_id, request_id, status, answer, digest, at in state.replies():
            replies[realm_id, request_id] = Reply(status, answer, digest, at)
        simulator.journal.keeper = state
        simulator.on_settled = self.settled
        self.settled()

    def settled(self) -> None:
        """What has no company: the reply under the request's id, tokens, the clock. Then all of it lasts."""
        self._keep_reply()
        oauth = self._simulator.oauth
        if oauth.revision != self._revision:
            self._state.put_fact("oauth", oauth.kept())
            self._revision = oauth.revision
        clock = self._simulator.clock
        if clock.revision != self._clock_revision:
            self._state.put_clock(clock.anchor())
            self._clock_revision = clock.revision
        self._state.flush()

    def _keep_reply(self) -> None:
        seen, replies = CURRENT.get(), self._simulator.replies
        if seen is not None and seen.request_id:
            key = (seen.realm_id, seen.request_id)
            reply = replies.kept.get(key)
            if reply is not None:
                self._state.put_reply(key, at=reply.at, status=reply.status, digest=reply.digest, answer=reply.answer)
