"""What waits to be sent: one realm's events for one subscription, and how they are kept over a restart."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from infra.qbo.simulator.webhooks.events import Event, read_event


@dataclass(slots=True)
class Notification:
    id: str
    body: bytes
    count: int
    attempt: int = 0


@dataclass(slots=True)
class Queue:
    """One realm's events for one subscription. While `unanswered` is there, nothing else is sent.

    `due` is when it is next tried (epoch seconds), None when nothing waits or an attempt runs.
    """

    events: dict[tuple[str, str, str], Event] = field(default_factory=dict)
    repeats: deque[Event] = field(default_factory=deque)
    unanswered: Notification | None = None
    due: float | None = None

    def kept(self) -> dict[str, Any]:
        unanswered = self.unanswered
        return {
            "events": [event.kept() for event in self.events.values()],
            "repeats": [event.kept() for event in self.repeats],
            "unanswered": {**asdict(unanswered), "body": unanswered.body.decode()} if unanswered else None,
            "due": self.due,
        }


def read_queue(kept: dict[str, Any]) -> Queue:
    events = [read_event(event) for event in kept["events"]]
    unanswered = kept["unanswered"]
    return Queue(
        {event.subject: event for event in events},
        deque(read_event(event) for event in kept["repeats"]),
        Notification(**{**unanswered, "body": unanswered["body"].encode()}) if unanswered else None,
        None if kept["due"] is None else float(kept["due"]),
    )
