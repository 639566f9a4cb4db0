"""Customers and vendors as reports print them."""

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key, ref_id

NOT_SPECIFIED = "Not Specified"


def name_label(company: Company, name: Key | None, *, full: bool = True) -> str:
    """A job with the customers it is under (`full`) or alone; what has no name is "Not Specified"."""
    record = company.stores[name[0]].records.get(name[1]) if name is not None else None
    if record is None:
        return NOT_SPECIFIED
    display = str(record.body["DisplayName"])
    return str(record.body.get("FullyQualifiedName", display)) if full else display


def parent_of(company: Company, name: Key) -> Key | None:
    record = company.stores[name[0]].records.get(name[1])
    parent = ref_id(record.body, "ParentRef") if record is not None else None
    return None if parent is None else (name[0], parent)
