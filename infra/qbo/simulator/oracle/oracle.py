"""What really happened: every request, every commit, every notification, and how densely the calls came.

The lists are rings of the latest entries; the counters are of everything.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from infra.clock import Clock
from infra.qbo.simulator.oracle.calls import Call
from infra.qbo.simulator.timestamps import show_envelope_time

REMEMBERED: Final = 10_000
CLIENT: Final = "client"


@dataclass(slots=True)
class SeenRequest:
    """`status` is None while it runs, and when no answer was sent. `executed`: the books or tokens carried it out.

    `trouble` names the rules that applied. A late or second execution is a request of its own, with `who` late or twice.
    """

    nth: int
    at: str
    method: str
    path: str
    realm_id: str
    verb: str
    entity: str | None
    request_id: str | None
    who: str = CLIENT
    status: int | None = None
    executed: bool = False
    trouble: list[str] = field(default_factory=list)

    @property
    def is_repeat(self) -> bool:
        """Carried out long after, or once more: it was admitted already."""
        return self.who != CLIENT


@dataclass(slots=True)
class SeenCommit:
    """`operation` is Create, Update, Delete, Void or Emailed; `request` the `nth` of the request that did it."""

    nth: int
    at: str
    realm_id: str
    entity: str
    id: str
    sync_token: str
    operation: str
    who: str
    request: int | None


@dataclass(slots=True)
class SeenNotification:
    """One attempt to deliver; `status` is None without an answer in time."""

    nth: int
    at: str
    realm_id: str
    url: str
    notification: str
    attempt: int
    events: int
    status: int | None


@dataclass(slots=True)
class _Density:
    """Calls of one realm: those of the last minute and second, and the most there ever were."""

    minute: deque[float] = field(default_factory=deque)
    second: deque[float] = field(default_factory=deque)
    in_flight: int = 0
    most_in_60_seconds: int = 0
    most_in_1_second: int = 0
    most_in_flight: int = 0

    def arrived(self, at: float) -> None:
        self.most_in_60_seconds = max(self.most_in_60_seconds, _slide(self.minute, at, seconds=60))
        self.most_in_1_second = max(self.most_in_1_second, _slide(self.second, at, seconds=1))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)


class Oracle:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._nth = 0
        self.requests: deque[SeenRequest] = deque(maxlen=REMEMBERED)
        self.commits: deque[SeenCommit] = deque(maxlen=REMEMBERED)
        self.notifications: deque[SeenNotification] = deque(maxlen=REMEMBERED)
        self.totals: Counter[str] = Counter()
        self._density: defaultdict[str, _Density] = defaultdict(_Density)

    def request(self, call: Call, *, who: str = CLIENT) -> SeenRequest:
        seen = SeenRequest(
            self._next(),
            self._now(),
            call.method,
            call.path,
            call.realm_id,
            call.verb,
            call.entity,
            call.request_id,
            who,
        )
        self.requests.append(seen)
        self.totals["requests"] += 1
        return seen

    def arrived(self, realm_id: str) -> None:
        self._density[realm_id].arrived(self._clock.now().timestamp())

    def left(self, realm_id: str) -> None:
        self._density[realm_id].in_flight -= 1

    def commit(
        self,
        *,
        realm_id: str,
        entity: str,
        identifier: str,
        sync_token: str,
        operation: str,
        who: str,
        request: int | None,
    ) -> None:
        self.commits.append(
            SeenCommit(self._next(), self._now(), realm_id, entity, identifier, sync_token, operation, who, request)
        )
        self.totals["commits"] += 1

    def notification(
        self, *, realm_id: str, url: str, identifier: str, attempt: int, events: int, status: int | None
    ) -> None:
        self.notifications.append(
            SeenNotification(self._next(), self._now(), realm_id, url, identifier, attempt, events, status)
        )
        self.totals["notifications"] += 1

    def density(self) -> dict[str, dict[str, int]]:
        return {
            realm_id: {
                "most_in_60_seconds": density.most_in_60_seconds,
                "most_in_1_second": density.most_in_1_second,
                "most_in_flight": density.most_in_flight,
                "in_flight": density.in_flight,
            }
            for realm_id, density in self._density.items()
        }

    def lists(self, *, matches: Callable[[dict[str, Any]], bool], limit: int) -> dict[str, list[dict[str, Any]]]:
        """The latest `limit` entries of each list that match, oldest first."""
        return {
            "requests": _latest(self.requests, matches, limit=limit),
            "commits": _latest(self.commits, matches, limit=limit),
            "notifications": _latest(self.notifications, matches, limit=limit),
        }

    def _next(self) -> int:
        self._nth += 1
        return self._nth

    def _now(self) -> str:
        return show_envelope_time(self._clock.now())


def _latest(entries: Iterable[Any], matches: Callable[[dict[str, Any]], bool], *, limit: int) -> list[dict[str, Any]]:
    found = (shown for entry in reversed(list(entries)) if matches(shown := asdict(entry)))
    return list(islice(found, limit))[::-1]


def _slide(window: deque[float], at: float, *, seconds: int) -> int:
    window.append(at)
    while window[0] <= at - seconds:
        window.popleft()
    return len(window)
