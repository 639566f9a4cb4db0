"""Refs in a body: each must lead somewhere, and gets the name it leads to."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.entities import REFERENCES
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_OPENED: Final = ("Detail", "Payment", "CashBack")
_PEOPLE: Final = frozenset({"Vendor", "Customer"})


def resolve_references(
    body: Body,
    stores: Mapping[str, EntityStore],
    *,
    inactive_code: str | None,
    kept: frozenset[tuple[str, str]] = frozenset(),
) -> None:
    """Give every known ref its name, in place. `kept`, from `references_in`, may lead to what is inactive by now.

    Raises:
        ServiceFault: 2500 for an id that does not exist, `inactive_code` for an inactive one (None lets it pass).
    """
    for key, ref, (entity, group) in _refs(body):
        if not isinstance(ref, dict):
            raise faults.unsupported_property(key, "should be an object with a value")
        identifier = str(ref.get("value", ""))
        record = stores[entity].records.get(identifier)
        if record is None:
            raise faults.bad_reference(group, identifier, element=key)
        if inactive_code is not None and not record.is_active and (entity, identifier) not in kept:
            raise faults.inactive_reference(key, code=inactive_code)
        ref["value"] = identifier
        if entity != "Term":
            ref["name"] = shown_name(record)


def references_in(body: Body) -> Iterator[tuple[str, str]]:
    """Entity and Id of all that the body leads to."""
    return ((entity, str(ref.get("value"))) for _, ref, (entity, _) in _refs(body) if isinstance(ref, dict))


def references_to(body: Body, entity: str, identifier: str) -> Iterator[dict[str, Any]]:
    """Every ref in a transaction or list object that leads to this object."""
    for _, ref, (target, _) in _refs(body):
        if isinstance(ref, dict) and target == entity and str(ref.get("value")) == identifier:
            yield ref


def shown_name(record: Record) -> str:
    body = record.body
    name = str(body.get("FullyQualifiedName") or body.get("DisplayName") or body.get("Name"))
    return name if record.is_active or "(deleted" in name else f"{name} (deleted)"


def person_type(entity: Body) -> str:
    """Vendor, Customer, Employee … of `{Type, EntityRef}` or of a ref with a `type`; "" when neither says."""
    ref = entity.get("EntityRef") or entity
    return str(entity.get("Type") or ref.get("type") or "").title()


def _refs(body: Body) -> Iterator[tuple[str, Any, tuple[str, str]]]:
    """Each ref with its key and what REFERENCES says of it. Employees and others are not in these books."""
    for key, value in body.items():
        target = REFERENCES.get(key)
        if target is not None:
            yield key, value, target
        elif isinstance(value, dict):
            if key.startswith("Entity"):
                ref, kind = value.get("EntityRef") or value, person_type(value)
                if kind in _PEOPLE and isinstance(ref, dict):
                    yield "EntityRef", ref, (kind, "Names")
            elif key.endswith(_OPENED):
                yield from _refs(value)
        elif key == "Line" and isinstance(value, list):
            for line in value:
                if isinstance(line, dict):
                    yield from _refs(line)
