"""Which points a payment is made to pass, so that somebody can die there: what must happen for it, and how many are under way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_TO_CREATE: Final = {"verb": "create", "entity": "BillPayment"}
_ANSWER_LOST: Final = {"match": _TO_CREATE, "effect": {"do": "answer", "status": 504, "executed": True}}
_NOT_DONE: Final = {"match": {**_TO_CREATE, "count": 6}, "effect": {"do": "answer", "status": 504}}
# What befalls the calls to QuickBooks meanwhile, by kind of round.
KINDS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "plain": (),
    "lost": (_ANSWER_LOST,),
    "not done": (_NOT_DONE,),
    "refused": (),
    "swept": (),
    "web": (),
}


@dataclass(frozen=True)
class Moment:
    """Somebody dies at `point`, coming there for the `nth` time, while so many payments are asked for at once.

    `before`: points at which others die first, so that anybody comes there at all.
    """

    point: str
    nth: int = 1
    payments: int = 1
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Round:
    name: str
    kind: str
    moments: Sequence[Moment]

    @property
    def is_web(self) -> bool:
        return self.kind == "web"


_PLAIN: Final = (
    "job.claimed", "job.done", "work.begin", "claim.before_commit", "claim.committed", "preflight.before", "preflight.after",
    "send.before_commit", "send.committed", "send.before_call", "send.after_call", "answer.moved", "answer.evidence_written",
    "answer.before_commit", "answer.committed", "verify.before_look", "verify.after_look", "verify.before_commit",
    "verify.committed",
)  # fmt: skip
_LOST: Final = ("resolve.before_look", "resolve.after_look", "resolve.before_commit", "resolve.committed")
_REFUSED: Final = ("refuse.before_commit", "refuse.committed")
_WEB: Final = (
    "accept.begin", "accept.intent_written", "accept.lines_written", "accept.asked", "cancel.before_commit",
)  # fmt: skip
_UNITS: Final = ("unit.before_commit", "unit.after_commit", "unit.after_ring")


_TOGETHER: Final = 5  # points that have one peace after them: a lease is as long for all


def of_worker(point: str) -> list[Moment]:
    """Alone; the second of two that are under way together; the first of three."""
    return [Moment(point), Moment(point, nth=2, payments=2), Moment(point, payments=3)]


def rounds() -> Iterator[Round]:
    for start in range(0, len(_PLAIN), _TOGETHER):
        points = _PLAIN[start : start + _TOGETHER]
        yield Round(f"{points[0]} to {points[-1]}", "plain", [each for point in points for each in of_worker(point)])
    yield Round("resolve", "lost", [each for point in _LOST for each in of_worker(point)])
    yield Round("resolve.before_replay", "not done", of_worker("resolve.before_replay"))
    yield Round("refuse", "refused", [each for point in _REFUSED for each in of_worker(point)])
    # After the claim, around "send started", around the answer. Few of a payment's units ring.
    units = [Moment(point, nth=nth, payments=2) for point in _UNITS[:2] for nth in (2, 5, 8)]
    units += [Moment(_UNITS[2], payments=payments) for payments in (1, 2, 3)]
    yield Round("units of the worker", "plain", units)
    recovered = [Moment("recover.before_commit", before=(before,)) for before in ("send.committed", "claim.committed")]
    yield Round("recover.before_commit", "plain", recovered)
    yield Round("sweep.before_commit", "swept", [Moment("sweep.before_commit") for _ in range(3)])
    yield Round("accept and cancel", "web", [Moment(point, nth=nth) for point in _WEB for nth in (1, 2, 3)])
    yield Round("units of the web app", "web", [Moment(point, nth=nth) for point in _UNITS for nth in (4, 9)])
