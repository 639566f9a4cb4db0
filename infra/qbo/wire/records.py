"""From QBO's envelope of an object to what the mirror store takes."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from infra import exact_json
from infra.errors import OodalooError
from infra.sync.spec import Payload, RailDeletion, RailRecord, UnreadableRecord

DELETED = "Deleted"
_LONGEST_ID = 100
_LARGEST_TOKEN = 2**63 - 1


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


def read_envelopes(
    payloads: Iterable[Payload], entity: str = "object"
) -> tuple[list[RailRecord], list[UnreadableRecord]]:
    """The objects with all that every object must have, and those without it. One without an Id goes by the hash of its content."""
    records, unreadable = [], []
    for payload in payloads:
        try:
            records.append(record_of(payload, entity))
        except MalformedRailObject as error:
            unreadable.append(_unreadable(payload, entity, error))
    return records, unreadable


def _unreadable(payload: Payload, entity: str, error: MalformedRailObject) -> UnreadableRecord:
    reason = f"its {error.field} is missing or cannot be read"
    try:
        external_id = _id(payload, entity)
    except MalformedRailObject:
        digest = blake2b(exact_json.dumps(payload), digest_size=8).hexdigest()
        return UnreadableRecord(
            f"without an Id: {digest}", version=None, updated_at=None, payload=payload, reason=reason
        )
    version, updated_at = None, None
    with suppress(MalformedRailObject):
        version = _sync_token(payload, entity)
    with suppress(MalformedRailObject):
        updated_at = _last_updated(payload, entity)
    return UnreadableRecord(external_id, version=version, updated_at=updated_at, payload=payload, reason=reason)


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
    if not isinstance(external_id, str) or not external_id.isprintable() or not 0 < len(external_id) <= _LONGEST_ID:
        raise MalformedRailObject(entity, "Id")
    return external_id


def _sync_token(payload: Payload, entity: str) -> int:
    try:
        token = int(payload["SyncToken"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRailObject(entity, "SyncToken") from error
    if not 0 <= token <= _LARGEST_TOKEN:
        raise MalformedRailObject(entity, "SyncToken")
    return token


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
