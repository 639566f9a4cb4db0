"""One circuit: closed while calls succeed, open after too many failures, then one probe at a time until one succeeds."""

from collections import deque
from time import monotonic

CALLS = 20
WINDOW_SECONDS = 30.0
FEWEST = 10
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0


class Circuit:
    """Opens when at least half of the last 20 calls of 30 s failed, of ten at the least; 5 s at first, each time twice as long.

    Args:
        fewest_accounts: from how many accounts the failures must come: one company's trouble is not the rail's.
    """

    def __init__(self, *, fewest_accounts: int = 1) -> None:
        self._fewest_accounts = fewest_accounts
        self._outcomes: deque[tuple[float, str | None]] = deque(maxlen=CALLS)  # when, and whose failure
        self._pause = FIRST_PAUSE_SECONDS
        self._opens_until: float | None = None
        self._probing_until = 0.0

    @property
    def is_closed(self) -> bool:
        return self._opens_until is None

    @property
    def is_forgettable(self) -> bool:
        """Nothing of it matters any more."""
        return self.is_closed and (not self._outcomes or self._outcomes[-1][0] < monotonic() - WINDOW_SECONDS)

    def wait_seconds(self) -> float:
        """0 when a call may be made, as a probe if the circuit is not closed; else how long none may."""
        if self._opens_until is None:
            return 0.0
        return max(self._opens_until - monotonic(), self._probing_until - monotonic(), 0.0)

    def begin_probe(self, *, seconds: float) -> None:
        """From now until the probe's outcome, or for `seconds` if it never has one, nobody else may call."""
        self._probing_until = monotonic() + seconds

    def drop_probe(self) -> None:
        """It ended without saying anything about the rail."""
        self._probing_until = 0.0

    def hold_open(self, seconds: float) -> None:
        """Another process opened it."""
        self._opens_until = max(self._opens_until or 0.0, monotonic() + seconds)

    def succeed(self) -> None:
        self._outcomes.append((monotonic(), None))
        if self._opens_until is not None:
            self._outcomes.clear()
            self._opens_until, self._probing_until = None, 0.0
            self._pause = FIRST_PAUSE_SECONDS

    def fail(self, account: str, *, was_probe: bool) -> float | None:
        """Note a failure; for how many seconds the circuit is open by it, None when it stays as it was."""
        now = monotonic()
        self._outcomes.append((now, account))
        if self._opens_until is not None:
            if not was_probe:
                return None  # a call from before it opened
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        elif not self._is_failing(now):
            return None
        self._opens_until, self._probing_until = now + self._pause, 0.0
        return self._pause

    def _is_failing(self, now: float) -> bool:
        recent = [account for at, account in self._outcomes if at >= now - WINDOW_SECONDS]
        failures = [account for account in recent if account is not None]
        is_half = len(recent) >= FEWEST and 2 * len(failures) >= len(recent)
        return is_half and len(set(failures)) >= self._fewest_accounts
