"""What a process may still call while Redis is down: its own part of the limits, kept in its own memory."""

from dataclasses import dataclass
from time import monotonic

from infra.ratelimit.limits import Limits


@dataclass(slots=True)
class _Realm:
    next_at: float = 0.0
    blocked_until: float = 0.0
    in_flight: int = 0


class LocalShare:
    def __init__(self, limits: Limits) -> None:
        self._interval = limits.interval_seconds * limits.processes
        self._slots = max(1, limits.in_flight // limits.processes)
        self._realms: dict[str, _Realm] = {}

    def wait_seconds(self, realm_id: str) -> float:
        """0 when a call may start now (and then it counts as started), else how long to wait."""
        realm = self._realms.setdefault(realm_id, _Realm())
        now = monotonic()
        if realm.in_flight >= self._slots:
            return 0.025
        wait = max(realm.next_at, realm.blocked_until) - now
        if wait > 0:
            return wait
        realm.next_at = now + self._interval
        realm.in_flight += 1
        return 0.0

    def release(self, realm_id: str) -> None:
        self._realms[realm_id].in_flight -= 1

    def block(self, realm_id: str, *, seconds: float) -> None:
        realm = self._realms.setdefault(realm_id, _Realm())
        realm.blocked_until = max(realm.blocked_until, monotonic() + seconds)
