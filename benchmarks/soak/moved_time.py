"""One clock for the simulator and every process of the product: the real time, and what a shared file adds to it.

Time passes as it does and is moved on between: what works in real time (leases, limits, pauses, the database's clock) then means
what it means everywhere, and hours pass at will.
"""

import mmap
import struct
from datetime import datetime, timedelta
from pathlib import Path

from infra.clock import SystemClock

_SECONDS = struct.Struct("<d")


class MovedTime:
    """A `Clock`. The file is made where there is none."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_SECONDS.pack(0.0))
        with path.open("r+b") as file:
            self._ahead = mmap.mmap(file.fileno(), _SECONDS.size)
        self._real = SystemClock.now
        self._moves: list[tuple[datetime, timedelta]] = []

    def now(self) -> datetime:
        return self._real(SystemClock()) + self.ahead

    @property
    def ahead(self) -> timedelta:
        return timedelta(seconds=_SECONDS.unpack_from(self._ahead)[0])

    def move(self, by: timedelta) -> None:
        """For all processes at once."""
        self._moves.append((self.now() + by, by))
        _SECONDS.pack_into(self._ahead, 0, (self.ahead + by).total_seconds())

    def without_moves(self, at: datetime) -> datetime:
        """An instant of this clock as the time that had run by then: two of them are apart by what passed, not by what was skipped."""
        return at - sum((by for since, by in self._moves if since <= at), timedelta(0))

    def take_over(self) -> None:
        """From now on it is what this process, and whatever it forks, believes to be the time."""
        moved = self

        def now(self: SystemClock) -> datetime:  # noqa: ARG001 - as the method it stands in for
            return moved.now()

        SystemClock.now = now  # type: ignore[method-assign]  # what a system clock that is set forward does
