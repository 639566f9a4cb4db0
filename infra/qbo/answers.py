"""What QBO answered, parsed exactly and otherwise as it came, with the two clocks that matter.

`asked_at` is ours, from before the call: what a row's `synced_at` must be. `answered_at` is QBO's own (the envelope's
`time`): what the next `changedSince` must be reckoned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.qbo import statements

Payload = dict[str, Any]

CDC_LIMIT = 1000  # objects in one change-data-capture answer, all entities together


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one answer cost: calls spent (retries included), bytes of the body, seconds on the wire and in the parser."""

    calls: int = 1
    byte_count: int = 0
    http_seconds: float = 0.0
    parse_seconds: float = 0.0

    def __add__(self, other: "CallCost") -> "CallCost":
        return CallCost(
            calls=self.calls + other.calls,
            byte_count=self.byte_count + other.byte_count,
            http_seconds=self.http_seconds + other.http_seconds,
            parse_seconds=self.parse_seconds + other.parse_seconds,
        )


@dataclass(frozen=True, slots=True)
class QueryPage:
    """One answer of the query endpoint. `total_count` is set by COUNT(*) and sometimes by QBO itself."""

    entity: str
    objects: Sequence[Payload]
    total_count: int | None
    asked_at: datetime
    answered_at: datetime
    cost: CallCost


@dataclass(frozen=True, slots=True)
class ObjectAnswer:
    """One object read by its id."""

    entity: str
    payload: Payload
    asked_at: datetime
    answered_at: datetime
    cost: CallCost


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """One of QBO's reports: `Header`, `Columns` and `Rows` as they came, every cell a text."""

    name: str
    content: Payload
    asked_at: datetime
    cost: CallCost


@dataclass(frozen=True, slots=True)
class Deletion:
    """QBO says that the object is gone; it says no SyncToken, so compare `deleted_at` or read the object by its id."""

    external_id: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """One change-data-capture answer; each entity asked for has its key in both maps, empty when nothing changed."""

    objects: Mapping[str, Sequence[Payload]]
    deletions: Mapping[str, Sequence[Deletion]]
    asked_at: datetime
    answered_at: datetime
    cost: CallCost = field(default_factory=CallCost)

    @property
    def total(self) -> int:
        return sum(map(len, self.objects.values())) + sum(map(len, self.deletions.values()))

    @property
    def is_possibly_cut(self) -> bool:
        """True at 1,000 objects: QBO stops there without saying so, and a later start would lose the older part."""
        return self.total >= CDC_LIMIT


def answered_at(content: Mapping[str, Any], asked_at: datetime) -> datetime:
    """The envelope's own time. Without one the safe guess is the earlier one: a cursor made from it looks back further."""
    match content.get("time"):
        case str() as text:
            try:
                return statements.read_instant(text)
            except ValueError:
                return asked_at
        case int() as milliseconds:
            return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
        case _:
            return asked_at
