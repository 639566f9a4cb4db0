from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

from infra.config import QBOSettings


class Bucket(StrEnum):
    """What a call is counted as. Every call counts against the realm's own rate; some kinds have one of their own besides."""

    CALL = "call"
    BATCH = "batch"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_minute` for ever, of which `burst` may run ahead: never more than both together in any 60 s."""

    per_minute: int
    burst: int

    @property
    def interval_seconds(self) -> float:
        return 60.0 / self.per_minute


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be sent to one realm, all processes together.

    Attributes:
        per_minute, burst: of the realm, whatever app calls; never more than both together in any 60 s.
        per_second: the short rate of an app: its calls to the realm are let in 1/`per_second` s apart, or at most 0.05 s less where
            the one before was late. At 8 the eleventh comes at least 1.2 s after the first: each may reach the rail up to a fifth of a
            second late, and still no second has more than ten.
        in_flight: an app's calls open at one moment.
        batches, reports: the rates of these kinds of call, besides; None: they have none of their own.
        lease: after this a call whose process died no longer counts as open; renewed while it lasts.
        processes: how many processes share the limits at most; while Redis is down each keeps to its part.
    """

    per_minute: int = 440
    burst: int = 50
    per_second: float = 8
    in_flight: int = 8
    batches: Rate | None = Rate(per_minute=30, burst=5)
    reports: Rate | None = None
    lease: timedelta = timedelta(seconds=35)
    processes: int = 4

    @classmethod
    def of_qbo(cls, settings: QBOSettings) -> Self:
        return cls(
            per_minute=settings.calls_per_minute,
            burst=settings.burst,
            per_second=settings.calls_per_second,
            in_flight=settings.calls_in_flight,
            batches=_rate(settings.batches_per_minute),
            reports=_rate(settings.reports_per_minute),
            lease=settings.read_timeout + timedelta(seconds=5),
            processes=settings.processes,
        )

    @property
    def interval_seconds(self) -> float:
        return 60.0 / self.per_minute

    def rates(self, bucket: Bucket) -> Sequence[tuple[Bucket, Rate]]:
        """All the rates that a call of this kind counts against."""
        own = {Bucket.CALL: None, Bucket.BATCH: self.batches, Bucket.REPORT: self.reports}[bucket]
        every_call = (Bucket.CALL, Rate(self.per_minute, self.burst))
        return (every_call,) if own is None else (every_call, (bucket, own))


def _rate(most_in_a_minute: int) -> Rate | None:
    """A seventh of it may come at once; both together are never more than it. 0: no rate."""
    if most_in_a_minute == 0:
        return None
    burst = max(1, most_in_a_minute // 7)
    return Rate(max(1, most_in_a_minute - burst), burst)
