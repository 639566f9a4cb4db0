"""Intuit's published limits: 500 requests a minute per realm, 10 a second per realm and app; batches have their own."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from infra.clock import Clock

PER_MINUTE: Final = 500
PER_SECOND: Final = 10
BATCHES_PER_MINUTE: Final = 40
BATCHES_PER_MINUTE_OF_ALL_APPS: Final = 120
MAILS_PER_DAY: Final = 40


class Admitted(NamedTuple):
    """`kind` is call, batch or mail; `subject` the client's id or, of a mail, the company's day. `at`: epoch seconds."""

    kind: str
    realm_id: str
    subject: str
    at: float


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
        self.admitted: list[Admitted] | None = None
        """For a state to take and keep; None when nobody does."""

    def admit(self, realm_id: str, client_id: str) -> bool:
        is_free = self._admit(*self._windows("call", realm_id, client_id))
        return is_free and self._note("call", realm_id, client_id)

    def admit_batch(self, realm_id: str, client_id: str) -> bool:
        is_free = self._admit(*self._windows("batch", realm_id, client_id))
        return is_free and self._note("batch", realm_id, client_id)

    def admit_mail(self, realm_id: str, today: date) -> bool:
        if self._mails[realm_id, today] >= MAILS_PER_DAY:
            return False
        self._mails[realm_id, today] += 1
        return self._note("mail", realm_id, today.isoformat())

    def resume(self, kept: Iterable[Admitted]) -> None:
        """What was admitted before, oldest first."""
        for each in kept:
            if each.kind == "mail":
                self._mails[each.realm_id, date.fromisoformat(each.subject)] += 1
            else:
                for window, _ in self._windows(each.kind, each.realm_id, each.subject):
                    window.append(each.at)

    def _windows(self, kind: str, realm_id: str, client_id: str) -> tuple[tuple[deque[float], int], ...]:
        if kind == "batch":
            return (self._batches[realm_id, client_id], 60), (self._all_batches[realm_id], 60)
        return (self._minutes[realm_id], 60), (self._seconds[realm_id, client_id], 1)

    def _note(self, kind: str, realm_id: str, subject: str) -> bool:
        if self.admitted is not None:
            self.admitted.append(Admitted(kind, realm_id, subject, self._clock.now().timestamp()))
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
