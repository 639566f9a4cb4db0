"""The simulator's own time: runs with the wall clock until it is moved or scaled. It never goes back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.clock import Clock, SystemClock
from infra.errors import InvalidInput

LARGEST_SCALE: Final = 100_000.0


class ClockRefused(InvalidInput):
    """Time cannot be set so."""


class SimulatedClock:
    """`scale` is simulated seconds in a real one; 0 stops the clock. `revision` moves whenever somebody set it."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._real = self._simulated = self._base.now()
        self.scale = 1.0
        self.revision = 0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        passed = self._base.now() - self._real
        return self._simulated + (passed if self.scale == 1 else passed * self.scale)

    def move_to(self, now: datetime) -> None:
        """Raises:
        ClockRefused: not aware, or before the present.
        """
        if now.tzinfo is None:
            raise ClockRefused("now: should carry an offset, for example 2026-03-02T18:00:00Z")
        self._anchor()
        if now < self._simulated:
            raise ClockRefused(f"now: time does not go back; it is {self._simulated.isoformat()}")
        self._simulated = now.astimezone(UTC)
        self._tell()

    def advance(self, seconds: float) -> None:
        """Raises:
        ClockRefused: a negative number, or beyond the calendar.
        """
        try:
            self.move_to(self.now() + timedelta(seconds=seconds))
        except OverflowError as error:
            raise ClockRefused("advance_seconds: leads beyond the year 9999") from error

    def set_scale(self, scale: float) -> None:
        """Raises:
        ClockRefused: negative or above LARGEST_SCALE.
        """
        if not 0 <= scale <= LARGEST_SCALE:
            raise ClockRefused(f"scale: should be between 0 and {LARGEST_SCALE:.0f}")
        self._anchor()
        self.scale = scale
        self._tell()

    def anchor(self) -> tuple[datetime, datetime, float]:
        """(wall clock, simulated time, scale) of one instant: enough to go on after a restart as if it had not been."""
        self._anchor()
        return self._real, self._simulated, self.scale

    def resume(self, anchor: tuple[datetime, datetime, float]) -> None:
        self._real, self._simulated, self.scale = anchor

    def on_move(self, listener: Callable[[], None]) -> None:
        """`listener` is called after each move or change of scale."""
        self._listeners.append(listener)

    def _anchor(self) -> None:
        self._real, self._simulated = self._base.now(), self.now()

    def _tell(self) -> None:
        self.revision += 1
        for listener in self._listeners:
            listener()
