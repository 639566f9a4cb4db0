"""Requests that were answered and are still to be carried out: by simulated time, in a state file until then."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from infra.clock import Clock
from infra.qbo.simulator.timeline.timeline import Timeline

Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Postponed:
    """A request whole. Bytes are kept as latin-1 text; `due` is epoch seconds of simulated time."""

    nth: int
    due: float
    rule: str
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: str

    def scope(self) -> Scope:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": self.method, "path": self.path, "raw_path": self.path.encode(),
            "query_string": self.query.encode("latin-1"), "headers": headers, "client": None, "server": None,
            "extensions": {}, "state": {},
        }  # fmt: skip

    @property
    def payload(self) -> bytes:
        return self.body.encode("latin-1")


class LateExecutions:
    """`begin` hands over what carries a request out; only then do kept ones get their turn. `revision` moves with the list."""

    def __init__(self, clock: Clock, timeline: Timeline) -> None:
        self._clock, self._timeline = clock, timeline
        self._count = 0
        self._waiting: dict[int, Postponed] = {}
        self._carry_out: Callable[[Postponed], Awaitable[None]] | None = None
        self.revision = 0

    def begin(self, carry_out: Callable[[Postponed], Awaitable[None]]) -> None:
        is_first, self._carry_out = self._carry_out is None, carry_out
        for postponed in self._waiting.values() if is_first else ():
            self._schedule(postponed)

    def postpone(self, scope: Scope, body: bytes, *, seconds: float, rule: str) -> None:
        self._count += 1
        due = self._clock.now().timestamp() + seconds
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        postponed = Postponed(
            self._count, due, rule, scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers,
            body.decode("latin-1"),
        )  # fmt: skip
        self._waiting[postponed.nth] = postponed
        self.revision += 1
        self._schedule(postponed)

    def taken_up(self, nth: int) -> None:
        self._waiting.pop(nth, None)
        self.revision += 1

    def kept(self) -> list[dict[str, Any]]:
        return [asdict(postponed) for postponed in self._waiting.values()]

    def resume(self, kept: list[dict[str, Any]]) -> None:
        for each in kept:
            pairs = [(name, value) for name, value in each["headers"]]
            postponed = Postponed(**{**each, "due": float(each["due"]), "headers": pairs})
            self._waiting[postponed.nth] = postponed
            self._count = max(self._count, postponed.nth)

    def _schedule(self, postponed: Postponed) -> None:
        if self._carry_out is not None:
            wait = max(0.0, postponed.due - self._clock.now().timestamp())
            self._timeline.after(wait, partial(self._carry_out, postponed))
