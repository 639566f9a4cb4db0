"""The customers and vendors of a ledger file, told apart by the kinds of document that carry their names."""

from collections.abc import Sequence
from typing import Final, Literal

from infra.qbo.simulator.files.company_file import Body

_CUSTOMER_KINDS: Final = frozenset({"Invoice", "Payment", "Sales Receipt", "Credit Memo", "Refund"})
_FIRST_FREE: Final = 5001


class LedgerNames:
    """Ids come from the ledger (`NameId`); a name without one gets the next free id."""

    def __init__(self, entries: Sequence[Body]) -> None:
        self._ids: dict[str, str] = {}
        self._customers: dict[str, str] = {}
        self._vendors: dict[str, str] = {}
        self._next = _FIRST_FREE
        named = [entry for entry in entries if entry.get("Name")]
        for entry in named:
            if entry.get("NameId"):
                self._ids.setdefault(entry["Name"], str(entry["NameId"]))
        for entry in named:
            if entry["Type"] in _CUSTOMER_KINDS:
                self._customers[self._id_of(entry["Name"])] = entry["Name"]
        for entry in named:
            if self._id_of(entry["Name"]) not in self._customers:
                self._vendors[self._id_of(entry["Name"])] = entry["Name"]

    def kind_of(self, entry: Body) -> tuple[Literal["Customer", "Vendor"], str] | None:
        """What the entry's name is, and its id; None without a name."""
        if not entry.get("Name"):
            return None
        name_id = self._id_of(entry["Name"])
        return ("Customer" if name_id in self._customers else "Vendor"), name_id

    def vendor_bodies(self) -> list[Body]:
        return [{"Id": i, "DisplayName": name, "Active": True} for i, name in sorted(self._vendors.items(), key=_by_id)]

    def customer_bodies(self) -> list[Body]:
        """Parents first; a name with a colon is a job of the name before it."""
        parents: dict[str, str] = {}
        for name in self._customers.values():
            if ":" in name:
                parent = name.rsplit(":", 1)[0]
                parents[parent] = self._id_of(parent)
        everyone = {**{i: name for name, i in parents.items()}, **self._customers}
        bodies = []
        for identifier, name in sorted(everyone.items(), key=lambda pair: (pair[1].count(":"), _by_id(pair))):
            body: Body = {"Id": identifier, "DisplayName": name.rsplit(":", 1)[-1], "FullyQualifiedName": name}
            body |= {"Active": True, "Job": ":" in name}
            if ":" in name:
                body["ParentRef"] = {"value": parents[name.rsplit(":", 1)[0]]}
            bodies.append(body)
        return bodies

    def _id_of(self, name: str) -> str:
        if name not in self._ids:
            while str(self._next) in self._ids.values():
                self._next += 1
            self._ids[name] = str(self._next)
        return self._ids[name]


def _by_id(pair: tuple[str, str]) -> tuple[int, str]:
    return (int(pair[0]) if pair[0].isdigit() else 0), pair[0]
