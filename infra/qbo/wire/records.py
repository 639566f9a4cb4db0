"""From QBO's envelope of an object to what the mirror store takes."""

from datetime import UTC, datetime
from typing import Any

from infra.errors import OodalooError
from infra.sync.spec import Payload, RailDeletion, RailRecord

DELETED = "Deleted"


class MalformedRailObject(OodalooError):
    """A rail's object lacks what every object must have. The text names the field, never the object's content."""

    def __init__(self, entity: str, field: str) -> None:
        self.entity = entity
        self.field = field
        super().__init__(f"QuickBooks sent a {entity} whose {field} is missing or cannot be read.")


def is_deletion(payload: Payload) -> bool:
    return payload.get("status") == DELETED


def record_of(payload: Payload, entity: str = "object") -> RailRecord:
    """Read the envelope of a live object.

    Raises:
        MalformedRailObject: no Id, SyncToken or MetaData.LastUpdatedTime.
    """
    return RailRecord(
        external_id=_id(payload, entity),
        version=_sync_token(payload, entity),
        updated_at=_last_updated(payload, entity),
        payload=payload,
    )


def deletion_of(payload: Payload, entity: str = "object") -> RailDeletion:
    """Read a CDC deletion: it carries no SyncToken.

    Raises:
        MalformedRailObject: not marked as deleted, no Id or no MetaData.LastUpdatedTime.
    """
    if not is_deletion(payload):
        raise MalformedRailObject(entity, "status")
    return RailDeletion(external_id=_id(payload, entity), updated_at=_last_updated(payload, entity))


def _id(payload: Payload, entity: str) -> str:
    external_id = payload.get("Id")
    if not isinstance(external_id, str) or not external_id:
        raise MalformedRailObject(entity, "Id")
    return external_id


def _sync_token(payload: Payload, entity: str) -> int:
    try:
        return int(payload["SyncToken"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRailObject(entity, "SyncToken") from error


def _last_updated(payload: Payload, entity: str) -> datetime:
    """The instant in UTC. QBO writes it with the Pacific offset of the day: never compare as text."""
    meta: Any = payload.get("MetaData")
    try:
        instant = datetime.fromisoformat(meta["LastUpdatedTime"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRailObject(entity, "MetaData.LastUpdatedTime") from error
    if instant.tzinfo is None:
        raise MalformedRailObject(entity, "MetaData.LastUpdatedTime")
    return instant.astimezone(UTC)
