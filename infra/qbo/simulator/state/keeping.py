"""Joins a simulator to its state file: what is there comes back, what happens from now on is kept."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from infra.qbo.simulator.api.replies import Reply
from infra.qbo.simulator.behaviour import DEFAULT
from infra.qbo.simulator.oracle.journal import CURRENT
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.state.state_file import StateFile
from infra.qbo.simulator.trouble.background import resume_trouble

_KEPT_SECONDS: Final = 30 * 86_400
_MOST_ADMITTED: Final = 10_000


class _Part(NamedTuple):
    """Of the simulator's own state: what to keep whenever `revision` has moved, and how it comes back."""

    name: str
    revision: Callable[[], Any]
    kept: Callable[[], Any]
    resume: Callable[[Any], None]


class StateKeeper:
    """Attach before the first request. Companies that the file has not are written whole.

    The clock and kept companies must have come from the same file: see `load_companies`. Switches that the simulator was
    made with win over kept ones.
    """

    def __init__(self, simulator: Simulator, state: StateFile) -> None:
        self._simulator = simulator
        self._state = state
        self._clock_revision = -1
        self._admitted = 0
        self._parts = _parts(simulator)
        self._revisions: dict[str, Any] = {}
        known = set(state.realm_ids())
        for company in simulator.companies.values():
            if company.realm_id not in known:
                state.put_company(company)
        state.forget_before(simulator.clock.now().timestamp() - _KEPT_SECONDS)
        self._resume()
        simulator.journal.keeper = state
        simulator.on_settled = self.settled
        self.settled()

    def settled(self) -> None:
        """What has no company: the reply under the request's id, tokens, levers, the clock. Then all of it lasts."""
        self._keep_reply()
        self._keep_admitted()
        for part in self._parts:
            revision = part.revision()
            if revision != self._revisions.get(part.name):
                self._state.put_fact(part.name, part.kept())
                self._revisions[part.name] = revision
        clock = self._simulator.clock
        if clock.revision != self._clock_revision:
            self._state.put_clock(clock.anchor())
            self._clock_revision = clock.revision
        self._state.flush()

    def _resume(self) -> None:
        for part in self._parts:
            kept = self._state.find_fact(part.name)
            if kept is not None:
                part.resume(kept)
        replies, limits = self._simulator.replies.kept, self._simulator.limits
        for realm_id, request_id, status, answer, digest, at in self._state.replies():
            replies[realm_id, request_id] = Reply(status, answer, digest, at)
        if limits is not None:
            limits.resume(self._state.admitted(self._simulator.clock.now().timestamp()))
            limits.admitted = []

    def _keep_reply(self) -> None:
        seen, replies = CURRENT.get(), self._simulator.replies
        if seen is not None and seen.request_id:
            key = (seen.realm_id, seen.request_id)
            reply = replies.kept.get(key)
            if reply is not None:
                self._state.put_reply(key, at=reply.at, status=reply.status, digest=reply.digest, answer=reply.answer)

    def _keep_admitted(self) -> None:
        limits = self._simulator.limits
        if limits is None or not limits.admitted:
            return
        self._state.put_admitted(limits.admitted)
        self._admitted += len(limits.admitted)
        limits.admitted.clear()
        if self._admitted > _MOST_ADMITTED:  # those of the last minute are a few thousand at most
            self._state.admitted(self._simulator.clock.now().timestamp())
            self._admitted = 0


def _parts(simulator: Simulator) -> tuple[_Part, ...]:
    oauth, trouble, late, webhooks = simulator.oauth, simulator.trouble, simulator.late, simulator.webhooks
    users = simulator.other_users
    return (
        _Part("oauth", lambda: oauth.revision, oauth.kept, oauth.resume),
        _Part(
            "levers",
            lambda: (simulator.behaviour, dict(simulator.refusals)),
            lambda: _levers(simulator),
            lambda kept: _pull(simulator, kept),
        ),
        _Part("other users", users.kept, users.kept, users.resume),
        _Part("trouble", lambda: trouble.revision, trouble.kept, lambda kept: resume_trouble(simulator, kept)),
        _Part("late", lambda: late.revision, late.kept, late.resume),
        _Part("webhooks", lambda: webhooks.revision, webhooks.kept, webhooks.resume),
    )


def _levers(simulator: Simulator) -> dict[str, Any]:
    return {"behaviour": asdict(simulator.behaviour), "refusals": dict(simulator.refusals)}


def _pull(simulator: Simulator, kept: dict[str, Any]) -> None:
    usual = asdict(DEFAULT)
    asked = {name: value for name, value in asdict(simulator.behaviour).items() if value != usual[name]}
    known = {name: value for name, value in kept["behaviour"].items() if name in usual}
    simulator.behaviour = DEFAULT.changed(known | asked)
    simulator.refusals.update(kept["refusals"])
