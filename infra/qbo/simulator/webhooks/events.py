"""Events in Intuit's legacy and CloudEvents shapes, and their signature."""

import base64
import hmac
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from infra import exact_json
from infra.qbo.simulator.behaviour import DEFAULT, Behaviour

_WORDS: Final = {
    "Create": "created", "Update": "updated", "Delete": "deleted", "Merge": "merged", "Void": "voided",
    "Emailed": "emailed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """`at` is epoch seconds; `deleted_id` the name that a merge retired. `id` is what a receiver de-duplicates by."""

    id: UUID
    realm_id: str
    entity: str
    entity_id: str
    operation: str
    at: float
    deleted_id: str | None = field(default=None)

    @property
    def subject(self) -> tuple[str, str, str]:
        return self.entity, self.entity_id, self.operation

    def kept(self) -> dict[str, Any]:
        return {**asdict(self), "id": str(self.id)}


def read_event(kept: dict[str, Any]) -> Event:
    """What `Event.kept` gave, from a state."""
    return Event(**{**kept, "id": UUID(kept["id"]), "at": float(kept["at"])})


def sign(body: bytes, verifier_token: str) -> str:
    """The `intuit-signature` header."""
    return base64.b64encode(hmac.new(verifier_token.encode(), body, sha256).digest()).decode()


def legacy_body(realm_id: str, events: list[Event]) -> bytes:
    entities = [_legacy(event) for event in events]
    return exact_json.dumps({"eventNotifications": [{"realmId": realm_id, "dataChangeEvent": {"entities": entities}}]})


def cloud_body(events: list[Event], *, source: str, behaviour: Behaviour = DEFAULT) -> bytes:
    """`source` is opaque and the same for an app."""
    return exact_json.dumps([_cloud(event, source, behaviour) for event in events])


def _legacy(event: Event) -> dict[str, Any]:
    shown = {
        "name": event.entity, "id": event.entity_id, "operation": event.operation,
        "lastUpdated": _instant(event.at, "milliseconds"),
    }  # fmt: skip
    return shown | ({"deletedId": event.deleted_id} if event.deleted_id else {})


def _cloud(event: Event, source: str, behaviour: Behaviour) -> dict[str, Any]:
    is_plain = behaviour.cloud_event_form == "plain"
    data: dict[str, Any] = {} if is_plain else {"alternative_ids": [_alternative_id(event)]}
    if event.deleted_id and behaviour.cloud_event_merged_id == "data":
        data["deleted_id"] = event.deleted_id
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": f"qbo.{event.entity.lower()}.{_WORDS[event.operation]}.v1",
        **({"datacontenttype": "application/json"} if is_plain else {}),
        "time": _instant(event.at, "microseconds"),
        "intuitentityid": event.entity_id,
        "intuitaccountid": event.realm_id,
        "data": data,
    }


def _alternative_id(event: Event) -> dict[str, str]:
    """The entity's Id in Intuit's newer APIs: opaque, the same each time."""
    kind = sha256(event.entity.encode()).hexdigest()[:10]
    scope = base64.b64encode(f"v4.1:{event.realm_id}:{kind}".encode()).decode().rstrip("=")
    return {"id": f"{scope}:{event.entity_id}", "namespace": "Intuit.sbseg.v4"}


def _instant(at: float, precision: str) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
