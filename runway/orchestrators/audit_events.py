"""What a timeline of a business is made of: one shape for decisions, actions, settings, people's doors, the ritual and the books."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domains.core.errors import UnreadableCursor
from infra.actions.models import ActionIntent
from infra.log_proof.seals import LoggedRow


class AuditKind(StrEnum):
    DECISION = "decision"  # about a bill
    ACTION = "action"  # towards QuickBooks
    SETTING = "setting"
    RITUAL = "ritual"
    ACCESS = "access"
    BOOKS = "books"  # a sync that changed something


@dataclass(frozen=True)
class AuditEvent:
    """One entry.

    Attributes:
        key: tells it from every other of its instant.
        object_id: ours, where one object is meant; `object_name` as people call it.
        changes: field to what it was and what it became.
        figures: what whoever decided had before them, frozen then.
        logged: its row in a sealed log, where it has one.
    """

    at: datetime
    key: str
    kind: AuditKind
    verb: str
    actor: str
    request_id: str
    object_kind: str
    object_id: UUID | None = None
    object_name: str | None = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    reason: str | None = None
    figures: Mapping[str, Any] | None = None
    intent: ActionIntent | None = None
    logged: LoggedRow | None = None

    @property
    def place(self) -> tuple[datetime, str]:
        return self.at, self.key


@dataclass(frozen=True)
class AuditFilter:
    """`actor` as a log names one, or `system`: whatever nobody did. `object_id`: of a bill, an action or a person."""

    kinds: frozenset[AuditKind] = frozenset(AuditKind)
    actor: str | None = None
    object_id: UUID | None = None

    def as_details(self) -> dict[str, str]:
        """What was asked for, as the log tells of an export."""
        told = {} if self.kinds == frozenset(AuditKind) else {"kinds": ", ".join(sorted(self.kinds))}
        named = {"actor": self.actor, "object": self.object_id}
        return told | {name: str(value) for name, value in named.items() if value is not None}


SYSTEM = "system"


@dataclass(frozen=True)
class AuditCursor:
    """The last entry seen."""

    at: datetime
    key: str

    def encode(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.key}"

    @classmethod
    def decode(cls, text: str) -> "AuditCursor":
        """Read what `encode` wrote.

        Raises:
            UnreadableCursor: it is something else.
        """
        at, _sep, key = text.partition("~")
        try:
            instant = datetime.fromisoformat(at)
        except ValueError as error:
            raise UnreadableCursor from error
        if not key or instant.tzinfo is None:
            raise UnreadableCursor
        return cls(instant, key)
