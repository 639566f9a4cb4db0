"""Refs in a body: each must lead somewhere, and gets the name it leads to."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.entities import REFERENCES
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_OPENED: Final = ("Detail", "Payment", "CashBack")
_PEOPLE: Final = frozenset({"Vendor", "Customer"})


def resolve_references(body: Body, stores: Mapping[str, EntityStore], *, inactive_code: str | None) -> None:
    """Give every known ref its name, in place.

    Raises:
        ServiceFault: 2500 for an id that does not exist, `inactive_code` for an inactive one (None lets it pass).
    """
    for key, value in body.items():
        target = REFERENCES.get(key)
        if isinstance(value, dict):
            if target is not None:
                _resolve(key, value, stores=stores, target=target, inactive_code=inactive_code)
            elif key.startswith("Entity"):
                _resolve_person(value, stores, inactive_code=inactive_code)
            elif key.endswith(_OPENED):
                resolve_references(value, stores, inactive_code=inactive_code)
        elif target is not None:
            raise faults.unsupported_property(key, "should be an object with a value")
        elif key == "Line" and isinstance(value, list):
            for line in value:
                if isinstance(line, dict):
                    resolve_references(line, stores, inactive_code=inactive_code)


def references_to(body: Body, entity: str, identifier: str) -> Iterator[dict[str, Any]]:
    """Every ref in a transaction or list object that leads to this object."""
    for key, value in body.items():
        if isinstance(value, dict):
            target = REFERENCES.get(key)
            if target is not None:
                if target[0] == entity and str(value.get("value")) == identifier:
                    yield value
            elif key.startswith("Entity"):
                yield from _person_to(value, entity, identifier)
            elif key.endswith(_OPENED):
                yield from references_to(value, entity, identifier)
        elif key == "Line" and isinstance(value, list):
            for line in value:
                yield from references_to(line, entity, identifier)


def shown_name(record: Record) -> str:
    body = record.body
    name = str(body.get("FullyQualifiedName") or body.get("DisplayName") or body.get("Name"))
    return name if record.is_active or "(deleted" in name else f"{name} (deleted)"


def person_type(entity: Body) -> str:
    """Vendor, Customer, Employee … of `{Type, EntityRef}` or of a ref with a `type`; "" when neither says."""
    ref = entity.get("EntityRef") or entity
    return str(entity.get("Type") or ref.get("type") or "").title()


def _person_to(value: Body, entity: str, identifier: str) -> Iterator[dict[str, Any]]:
    ref = value.get("EntityRef") or value
    if person_type(value) == entity and str(ref.get("value")) == identifier:
        yield ref


def _resolve_person(value: Body, stores: Mapping[str, EntityStore], *, inactive_code: str | None) -> None:
    """Employees and others are not in these books: their refs pass as they are."""
    ref = value.get("EntityRef") or value
    kind = person_type(value)
    if kind in _PEOPLE and isinstance(ref, dict):
        _resolve("EntityRef", ref, stores=stores, target=(kind, "Names"), inactive_code=inactive_code)


def _resolve(
    key: str,
    ref: dict[str, Any],
    *,
    stores: Mapping[str, EntityStore],
    target: tuple[str, str],
    inactive_code: str | None,
) -> None:
    entity, group = target
    identifier = str(ref.get("value", ""))
    record = stores[entity].records.get(identifier)
    if record is None:
        raise faults.bad_reference(group, identifier, element=key)
    if inactive_code is not None and not record.is_active:
        raise faults.inactive_reference(key, code=inactive_code)
    ref["value"] = identifier
    if entity != "Term":
        ref["name"] = shown_name(record)
