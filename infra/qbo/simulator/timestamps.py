"""Instants as QBO shows them: whole seconds, US Pacific offset whatever the company's own zone is."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from infra.clock import Clock

PACIFIC = ZoneInfo("America/Los_Angeles")


def whole_seconds(clock: Clock) -> int:
    """The clock's instant as QBO stores it: epoch seconds, fraction dropped."""
    return int(clock.now().timestamp())


@lru_cache(maxsize=131_072)
def show_instant(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, PACIFIC).isoformat()


def show_envelope_time(now: datetime) -> str:
    """The `time` beside an answer; unlike MetaData it has milliseconds."""
    return now.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def read_instant(text: str) -> float:
    """Epoch seconds of an ISO date or instant in any offset; without one it is read as Pacific.

    Raises:
        ValueError: not an ISO date or instant (a `+` that was not URL-encoded arrives as a space, and ends here).
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=PACIFIC)
    return moment.astimezone(UTC).timestamp()
