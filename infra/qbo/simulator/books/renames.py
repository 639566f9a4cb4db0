"""A name changes: whatever refers to it shows the new one, without a change of time or token."""

from collections.abc import Iterator, Mapping

from infra.qbo.simulator.books.references import references_to, shown_name
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_QUALIFIED = frozenset({"Account", "Item", "Customer"})


def show_new_name(stores: Mapping[str, EntityStore], entity: str, record: Record, *, before: Body) -> None:
    """Requalify what is below `record`, and rename the refs that lead to it or below it."""
    for renamed in [record, *_requalified(stores[entity], entity, record)] if _differs(record.body, before) else ():
        name = shown_name(renamed)
        for store in stores.values():
            for holder in store.records.values():
                if any(references_to(holder.body, entity, renamed.id)):
                    for ref in references_to(holder.own(), entity, renamed.id):
                        if "name" in ref:
                            ref["name"] = name
                    holder.forget_encoding()


def _differs(after: Body, before: Body) -> bool:
    return any(after.get(key) != before.get(key) for key in ("FullyQualifiedName", "DisplayName", "Name"))


def _requalified(store: EntityStore, entity: str, parent: Record) -> Iterator[Record]:
    if entity not in _QUALIFIED:
        return
    for child in store.records.values():
        if (child.body.get("ParentRef") or {}).get("value") == parent.id:
            own = child.body.get("DisplayName") or child.body["Name"]
            child.own()["FullyQualifiedName"] = f"{parent.body['FullyQualifiedName']}:{own}"
            child.forget_encoding()
            yield child
            yield from _requalified(store, entity, child)
