"""What a domain declares about a mirror, and what a rail delivers to it. The engine knows nothing else of either."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import InstrumentedAttribute

from infra.config import Rail
from infra.errors import UnreadableRailObject
from infra.sync.shapes import LogRow, LogSource, MirrorRow

W = TypeVar("W", bound=BaseModel)
M = TypeVar("M", bound=MirrorRow)
L = TypeVar("L", bound=LogRow)

Payload = dict[str, Any]


@dataclass(frozen=True)
class MirrorSpec(Generic[W, M, L]):
    """How one rail's entity fills one mirror table.

    `fill(row, wire)` sets the domain's own columns, every one of them, each time: what it leaves unset is stored as null.
    It is pure and raises `UnknownRailValue` for an enum member we do not know.
    """

    rail: Rail
    entity: str
    wire: type[W]
    mirror: type[M]
    log: type[L]
    fill: Callable[[M, W], None]
    max_age: timedelta = timedelta(minutes=20)

    def column(self, name: str) -> InstrumentedAttribute[Any]:
        """The mirror's column of that name, for a rail's named reads.

        Raises:
            AttributeError: the mirror has no such column.
        """
        column: InstrumentedAttribute[Any] = getattr(self.mirror, name)
        return column

    def read(self, payload: Payload, *, external_id: str) -> W:
        """The rail's object in the rail's own words.

        Raises:
            UnreadableRailObject: it lacks a field, or has one of another kind.
        """
        try:
            # What `model_validate` ends in, without its options: a page asks a thousand times.
            wire: W = self.wire.__pydantic_validator__.validate_python(payload)
        except ValidationError as error:
            fields = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
            # Not chained: the validation's text holds the object's content.
            raise UnreadableRailObject(self.entity, external_id, fields=fields) from None
        return wire


AnySpec = MirrorSpec[Any, Any, Any]


class RailRecord(NamedTuple):  # a page makes a thousand: a tuple costs a third of a frozen dataclass
    """One object as a rail gave it. `version` orders its states where the rail numbers them (QBO SyncToken)."""

    external_id: str
    version: int | None
    updated_at: datetime
    payload: Payload


@dataclass(frozen=True)
class UnreadableRecord:
    """One object as a rail gave it that cannot be stored. `reason` names fields, never content; the order is None where it has none."""

    external_id: str
    version: int | None
    updated_at: datetime | None
    payload: Payload
    reason: str


@dataclass(frozen=True)
class RailDeletion:
    """The rail says that an object is gone since `updated_at`."""

    external_id: str
    updated_at: datetime


@dataclass(frozen=True)
class Delivery:
    """What one call to a rail brought for one entity of one business.

    `fetched_at` is taken *before* the call: a change that lands during it is newer than this delivery.
    `actor` and `request_id` say in the log who caused the call (`sync:backfill`, a run's id).
    `are_proved`: the records were read by their ids just now, so one that the mirror holds for deleted is there after all,
    whatever instant the deletion had. `unreadable` are kept apart with what the mirror itself cannot take.
    """

    business_id: UUID
    records: Sequence[RailRecord]
    fetched_at: datetime
    source: LogSource
    actor: str
    request_id: str
    deletions: Sequence[RailDeletion] = field(default=())
    unreadable: Sequence[UnreadableRecord] = field(default=())
    are_proved: bool = False


@dataclass(frozen=True)
class LogEvent:
    """Something that happened to an object of the mirror without changing it.

    `details` stand where a change has its fields: JSON, amounts as texts or Decimal.
    """

    business_id: UUID
    entity_id: UUID
    transaction_type: str
    source: LogSource
    actor: str
    request_id: str
    details: Payload = field(default_factory=dict)
