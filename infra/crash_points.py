"""Named places at which a proof lets a process die. In service each is one comparison.

`OODALOO_CRASH_AT=name` kills the process (SIGKILL) when it comes there, `name:3` at the third time. A proof in one process gives
a hook of its own, which may raise a BaseException.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

VARIABLE = "OODALOO_CRASH_AT"

# In the order of an action's life. Each name stands once in the source.
POINTS = (
    "accept.begin",
    "accept.intent_written",
    "accept.lines_written",
    "accept.asked",
    "unit.before_commit",
    "unit.after_commit",
    "unit.after_ring",
    "job.claimed",
    "job.done",
    "work.begin",
    "claim.before_commit",
    "claim.committed",
    "recover.before_commit",
    "preflight.before",
    "preflight.after",
    "refuse.before_commit",
    "refuse.committed",
    "send.before_commit",
    "send.committed",
    "send.before_call",
    "send.after_call",
    "answer.moved",
    "answer.evidence_written",
    "answer.before_commit",
    "answer.committed",
    "resolve.before_look",
    "resolve.after_look",
    "resolve.before_commit",
    "resolve.committed",
    "resolve.before_replay",
    "verify.before_look",
    "verify.after_look",
    "verify.before_commit",
    "verify.committed",
    "review.before_look",
    "review.before_commit",
    "cancel.before_commit",
    "sweep.before_commit",
)

Hook = Callable[[str], None]


class UnknownCrashPoint(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is no crash point; they are listed in infra/crash_points.py.")


class _KillAt:
    """Kills this process at the given time of coming there: nothing is cleaned up, as when its machine loses power."""

    def __init__(self, wanted: str) -> None:
        self._name, _, count = wanted.partition(":")
        self._left = int(count or 1)
        if self._name not in POINTS:
            raise UnknownCrashPoint(self._name)

    def __call__(self, name: str) -> None:
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _armed_by(environment: Mapping[str, str]) -> Hook | None:
    wanted = environment.get(VARIABLE)
    return _KillAt(wanted) if wanted else None


_hook: Hook | None = _armed_by(os.environ)


def crash_point(name: str) -> None:
    if _hook is not None:
        _hook(name)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """While the block runs, `hook` is told the name of every point that is reached in this process."""
    global _hook  # noqa: PLW0603 - a point is anywhere, and passing a hook to all of them would be in everybody's signature
    before, _hook = _hook, hook
    try:
        yield
    finally:
        _hook = before
