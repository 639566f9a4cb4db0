"""Names of list objects: completed, qualified by their parents, and unique where QBO wants them so."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.chart import CLASSIFICATION
from infra.qbo.simulator.books.documents import name_currency
from infra.qbo.simulator.books.ledger import ref_id
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_PERSON_PARTS: Final = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_PEOPLE: Final = frozenset({"Vendor", "Customer"})
_RETIRED: Final = re.compile(r" \(deleted(?:-\d+)?\)$")


class NameRegistry:
    """Vendors and customers share one space of names, the other lists have their own. Case does not count."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], tuple[str, str]] = {}
        self._jobs: defaultdict[str, list[str]] = defaultdict(list)

    def copy_from(self, other: "NameRegistry") -> None:
        self._owners = dict(other._owners)  # noqa: SLF001 - one of its own kind
        self._jobs.update({parent: list(jobs) for parent, jobs in other._jobs.items()})  # noqa: SLF001 - one of its own kind

    def check(self, entity: str, body: Body) -> None:
        """Raises:
        ServiceFault: 6240 when another object has the name.
        """
        owner = self._owners.get(_slot(entity, body))
        if owner is not None and owner != (entity, body.get("Id")):
            raise faults.duplicate_name()

    def show_activity(self, entity: str, body: Body, *, was_inactive: bool) -> None:
        """Give a retired object its suffix in place, which frees the name; take it from one that comes back."""
        own = "DisplayName" if entity in _PEOPLE else "Name"
        if own not in body:
            return
        if body.get("Active") is not False:
            if was_inactive:
                body[own] = _RETIRED.sub("", body[own])
            return
        base = _RETIRED.sub("", body[own])
        candidates = (f"{base} (deleted)", *(f"{base} (deleted-{number})" for number in range(1, 1000)))
        mine = (entity, body.get("Id"))
        free = (name for name in candidates if self._owners.get(_named(entity, name), mine) == mine)
        body[own] = next(free)

    def replace(self, entity: str, before: Body | None, after: Body) -> None:
        if entity not in {"Account", "Term", "Item", *_PEOPLE}:
            return
        if before is not None:
            self._owners.pop(_slot(entity, before), None)
        self._owners[_slot(entity, after)] = (entity, after["Id"])
        if entity == "Customer":
            self._move_job(before, after)

    def jobs_below(self, customer_id: str) -> Iterator[str]:
        for job in tuple(self._jobs.get(customer_id, ())):
            yield job
            yield from self.jobs_below(job)

    def _move_job(self, before: Body | None, after: Body) -> None:
        if before is not None and (parent := ref_id(before, "ParentRef")) is not None:
            self._jobs[parent].remove(after["Id"])
        if (parent := ref_id(after, "ParentRef")) is not None:
            self._jobs[parent].append(after["Id"])


def ancestors(store: EntityStore, identifier: str) -> Iterator[str]:
    """Ids of the parents of an account or customer, nearest first."""
    record = store.records.get(identifier)
    while record is not None and (parent := ref_id(record.body, "ParentRef")) is not None:
        yield parent
        record = store.records.get(parent)


def complete_name(entity: str, body: Body, store: EntityStore, *, any_character: bool = False) -> None:
    """Fill in place what the server derives for a list object."""
    body.setdefault("Active", True)
    if entity in _PEOPLE:
        _complete_person(body, any_character=any_character)
    if entity in {"Vendor", "Customer", "Account"}:
        name_currency(body)
    parent = _parent(entity, body, store)
    own = body.get("Name") or body.get("DisplayName")
    if entity in {"Account", "Item", "Customer"}:
        body["FullyQualifiedName"] = f"{parent.body['FullyQualifiedName']}:{own}" if parent else own
    if entity in {"Item", "Customer"} and parent is not None:
        body["Level"] = 1 + int(parent.body.get("Level", 0))
    if entity == "Account":
        _complete_account(body, has_parent=parent is not None)
    elif entity == "Vendor":
        body |= {"Vendor1099": body.get("Vendor1099", False), "Balance": 0}
    elif entity == "Customer":
        body.setdefault("Job", parent is not None)
        body.setdefault("PreferredDeliveryMethod", "Print")
        body |= {key: body.get(key, False) for key in ("Taxable", "BillWithParent")}
        body |= {"Balance": 0, "BalanceWithJobs": 0}
    elif entity == "Item":
        body |= {"Type": body.get("Type", "Service"), "TrackQtyOnHand": body.get("TrackQtyOnHand", False)}
        body.setdefault("Taxable", False)
        body.setdefault("UnitPrice", 0)
    elif entity == "Term":
        body.setdefault("Type", "DATE_DRIVEN" if "DayOfMonthDue" in body else "STANDARD")


def _parent(entity: str, body: Body, store: EntityStore) -> Record | None:
    """Nothing is its own ancestor."""
    identifier = ref_id(body, "ParentRef")
    if identifier is None:
        return None
    parent = store.records.get(identifier)
    if parent is None or body.get("Id") in {identifier, *ancestors(store, identifier)}:
        raise faults.bad_reference("Names" if entity == "Customer" else f"{entity}s", identifier, element="ParentRef")
    return parent


def _complete_person(body: Body, *, any_character: bool) -> None:
    if "DisplayName" not in body:
        body["DisplayName"] = " ".join(str(body[part]) for part in _PERSON_PARTS if body.get(part))
    if not body["DisplayName"]:
        raise faults.missing("DisplayName")
    if not any_character and any(character in body["DisplayName"] for character in ":\t\n"):
        raise faults.unsupported_property("DisplayName", "a name cannot hold a colon, a tab or a line break")
    body.setdefault("PrintOnCheckName", body["DisplayName"])


def _complete_account(body: Body, *, has_parent: bool) -> None:
    kind = body.setdefault("AccountType", "Expense")
    if kind not in CLASSIFICATION:
        raise faults.not_in_enumeration("AccountType", str(kind))
    body["Classification"] = CLASSIFICATION[kind]
    body.setdefault("AccountSubType", kind.replace(" ", ""))
    body["SubAccount"] = has_parent
    body.setdefault("CurrentBalance", 0)
    body.setdefault("CurrentBalanceWithSubAccounts", 0)


def _slot(entity: str, body: Body) -> tuple[str, str]:
    name = body.get("FullyQualifiedName") if entity in {"Account", "Item", "Customer"} else None
    return _named(entity, str(name or body.get("DisplayName") or body.get("Name")))


def _named(entity: str, name: str) -> tuple[str, str]:
    return "people" if entity in _PEOPLE else entity, name.casefold()
