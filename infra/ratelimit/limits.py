from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from infra.config import QBOSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one realm and app may send, all processes together.

    Attributes:
        per_minute: the sustained rate; with `burst`, never more than `per_minute + burst` in any 60 s.
        burst: how many calls may run ahead of the sustained rate.
        per_second: the short rate: calls are at least 1/`per_second` s apart.
        in_flight: calls open at one moment.
        lease: after this a call whose process died no longer counts as open; longer than any HTTP deadline.
        processes: how many processes share the limits; while Redis is down each keeps to its part.
    """

    per_minute: int = 440
    burst: int = 50
    per_second: float = 9
    in_flight: int = 8
    lease: timedelta = timedelta(seconds=35)
    processes: int = 4

    @classmethod
    def of_qbo(cls, settings: QBOSettings) -> Self:
        return cls(
            per_minute=settings.calls_per_minute,
            burst=settings.burst,
            per_second=settings.calls_per_second,
            in_flight=settings.calls_in_flight,
            lease=settings.read_timeout + timedelta(seconds=5),
        )

    @property
    def interval_seconds(self) -> float:
        return 60.0 / self.per_minute
