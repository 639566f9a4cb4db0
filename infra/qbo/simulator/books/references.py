"""Refs in a body: each must lead somewhere, and gets the name it leads to."""

from collections.abc import Mapping
from typing import Any

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.entities import REFERENCES
from infra.qbo.simulator.books.store import Body, EntityStore


def resolve_references(body: Body, stores: Mapping[str, EntityStore], *, allow_inactive: bool) -> None:
    """Give every known ref its name, in place.

    Raises:
        ServiceFault: 2500 for an id that does not exist, 610 for an inactive one.
    """
    for key, value in body.items():
        target = REFERENCES.get(key)
        if isinstance(value, dict):
            if target is None:
                if key == "Entity" or key.endswith(("Detail", "Payment", "CashBack")):
                    resolve_references(value, stores, allow_inactive=allow_inactive)
            else:
                _resolve(key, value, stores=stores, target=target, allow_inactive=allow_inactive)
        elif target is not None:
            raise faults.unsupported_property(key, "should be an object with a value")
        elif key == "Line" and isinstance(value, list):
            for line in value:
                if isinstance(line, dict):
                    resolve_references(line, stores, allow_inactive=allow_inactive)


def _resolve(
    key: str, ref: dict[str, Any], *, stores: Mapping[str, EntityStore], target: tuple[str, str], allow_inactive: bool
) -> None:
    entity, group = target
    identifier = str(ref.get("value", ""))
    record = stores[entity].records.get(identifier)
    if record is None:
        raise faults.bad_reference(group, identifier, element=key)
    if not allow_inactive and not record.is_active:
        raise faults.inactive_reference(key)
    name = record.body.get("FullyQualifiedName") or record.body.get("DisplayName") or record.body.get("Name")
    if entity == "Term":
        ref["value"] = identifier
    else:
        ref["name"] = name if record.is_active else f"{name} (deleted)"
