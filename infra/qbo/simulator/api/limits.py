"""Intuit's published limits: 500 requests a minute per realm, 10 a second per realm and app; batches have their own."""

from collections import Counter, defaultdict, deque
from datetime import date
from typing import Final

from infra.clock import Clock

PER_MINUTE: Final = 500
PER_SECOND: Final = 10
BATCHES_PER_MINUTE: Final = 40
BATCHES_PER_MINUTE_OF_ALL_APPS: Final = 120
MAILS_PER_DAY: Final = 40


class RequestLimits:
    """Sliding windows over the simulator's clock. A refused request does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=PER_MINUTE))
        self._seconds: defaultdict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=PER_SECOND))
        self._batches: defaultdict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=BATCHES_PER_MINUTE)
        )
        self._all_batches: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=BATCHES_PER_MINUTE_OF_ALL_APPS)
        )
        self._mails: Counter[tuple[str, date]] = Counter()

    def admit(self, realm_id: str, client_id: str) -> bool:
        return self._admit((self._minutes[realm_id], 60), (self._seconds[realm_id, client_id], 1))

    def admit_batch(self, realm_id: str, client_id: str) -> bool:
        return self._admit((self._batches[realm_id, client_id], 60), (self._all_batches[realm_id], 60))

    def admit_mail(self, realm_id: str, today: date) -> bool:
        if self._mails[realm_id, today] >= MAILS_PER_DAY:
            return False
        self._mails[realm_id, today] += 1
        return True

    def _admit(self, *windows: tuple[deque[float], int]) -> bool:
        now = self._clock.now().timestamp()
        if any(_is_full(window, now, seconds=seconds) for window, seconds in windows):
            return False
        for window, _ in windows:
            window.append(now)
        return True


def _is_full(window: deque[float], now: float, *, seconds: int) -> bool:
    """The oldest of the last `maxlen` requests is still inside the window."""
    return len(window) == window.maxlen and window[0] > now - seconds
