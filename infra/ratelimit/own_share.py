"""What a process lets in while Redis is down: its part of every limit, kept in its own memory."""

from collections.abc import Sequence
from time import monotonic

_MOST_BUCKETS = 20_000


class OwnShare:
    """GCRA as the scripts have it, `processes` times as slow."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._arrivals: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._arrivals)

    def admit(self, charges: Sequence[tuple[str, float, float]]) -> list[float]:
        """Charge all buckets if each has room.

        Args:
            charges: bucket, interval and tolerance in seconds, as they are for all processes together.

        Returns:
            For each the seconds until it has room; all 0 when the request was let in.
        """
        now = monotonic()
        arrivals, waits = [], []
        for bucket, interval, tolerance in charges:
            slow = interval * self._processes
            arrival = max(self._arrivals.get(bucket, 0.0), now) + slow
            arrivals.append(arrival)
            # At least one at once: a small burst divided among many is still a burst.
            waits.append(max(arrival - now - max(tolerance, slow), 0.0))
        if not any(waits):
            self._make_room(now)
            self._arrivals.update(zip((bucket for bucket, _, _ in charges), arrivals, strict=True))
        return waits

    def _make_room(self, now: float) -> None:
        """A crowd of addresses must not fill the memory; forgetting lets in more, never less."""
        if len(self._arrivals) < _MOST_BUCKETS:
            return
        self._arrivals = {bucket: arrival for bucket, arrival in self._arrivals.items() if arrival > now}
        if len(self._arrivals) >= _MOST_BUCKETS:
            self._arrivals.clear()
