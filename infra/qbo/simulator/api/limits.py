"""Intuit's published limits: 500 requests a minute per realm, 10 a second per realm and app."""

from collections import defaultdict, deque
from typing import Final

from infra.clock import Clock

PER_MINUTE: Final = 500
PER_SECOND: Final = 10


class RequestLimits:
    """Sliding windows over the simulator's clock. A refused request does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=PER_MINUTE))
        self._seconds: defaultdict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=PER_SECOND))

    def admit(self, realm_id: str, client_id: str) -> bool:
        now = self._clock.now().timestamp()
        minute, second = self._minutes[realm_id], self._seconds[realm_id, client_id]
        if _is_full(minute, now, seconds=60) or _is_full(second, now, seconds=1):
            return False
        minute.append(now)
        second.append(now)
        return True


def _is_full(window: deque[float], now: float, *, seconds: int) -> bool:
    """The oldest of the last `maxlen` requests is still inside the window."""
    return len(window) == window.maxlen and window[0] > now - seconds
