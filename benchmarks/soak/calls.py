"""How densely calls came by real time: a moved clock makes room in the simulator's own windows."""

import time
from collections import defaultdict, deque

from infra.qbo.simulator.oracle.oracle import Oracle

_WINDOW_SECONDS = 60


class RealTimeCalls:
    def __init__(self, oracle: Oracle) -> None:
        self.most_in_60_seconds = 0
        self._minutes: defaultdict[str, deque[float]] = defaultdict(deque)
        self._arrived = oracle.arrived
        oracle.arrived = self._note  # type: ignore[method-assign]  # it has no listeners

    def _note(self, realm_id: str) -> None:
        now, minute = time.monotonic(), self._minutes[realm_id]
        minute.append(now)
        while minute[0] <= now - _WINDOW_SECONDS:
            minute.popleft()
        self.most_in_60_seconds = max(self.most_in_60_seconds, len(minute))
        self._arrived(realm_id)
