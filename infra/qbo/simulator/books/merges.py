"""Two vendors, customers or accounts become one, which only QBO's own screens can do: the API has no merge."""

from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import ENTITY_KINDS
from infra.qbo.simulator.books.references import references_to, shown_name
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.timestamps import whole_seconds

MERGEABLE: Final = frozenset({"Vendor", "Customer", "Account"})


def merge(company: Company, entity: str, *, loser_id: str, survivor_id: str) -> Record:
    """Point all of the loser's transactions and children at the survivor, and retire the loser. Returns the survivor.

    Raises:
        ServiceFault: 500 for other entities, 610, or 6000 for accounts of two types or one the books cannot do without.
    """
    if entity not in MERGEABLE:
        raise faults.unsupported("merge")
    loser, survivor = company.get(entity, loser_id), company.get(entity, survivor_id)
    _check(company, entity, loser, survivor)
    at = whole_seconds(company.clock)
    for kind, store in company.stores.items():
        for holder in list(store.records.values()):
            if _repoint(holder, entity, loser, survivor):
                _rebook(company, kind, holder, at)
    for child in _children(company, entity, loser_id):
        body = {**child.body, "ParentRef": {"value": survivor_id}}
        company.update(entity, body)
    company.update(entity, {**loser.body, "Active": False})
    company.settle()
    return survivor


def _check(company: Company, entity: str, loser: Record, survivor: Record) -> None:
    if loser.id == survivor.id or not survivor.is_active:
        raise faults.refused("A merge needs another, active object to go on with.")
    if entity == "Account":
        if loser.body["AccountType"] != survivor.body["AccountType"]:
            raise faults.refused("Accounts of two types cannot be merged.", element="AccountType")
        if loser.id in company.chart.own_accounts:
            raise faults.refused("QuickBooks needs this account itself.")
    if any(ancestor.id == loser.id for ancestor in _ancestors(company, entity, survivor)):
        raise faults.refused("A name cannot be merged into one below it.")


def _ancestors(company: Company, entity: str, record: Record) -> list[Record]:
    found = []
    parent_id = (record.body.get("ParentRef") or {}).get("value")
    while parent_id is not None:
        parent = company.stores[entity].records[parent_id]
        found.append(parent)
        parent_id = (parent.body.get("ParentRef") or {}).get("value")
    return found


def _repoint(holder: Record, entity: str, loser: Record, survivor: Record) -> bool:
    if not any(references_to(holder.body, entity, loser.id)):
        return False
    for ref in list(references_to(holder.own(), entity, loser.id)):
        ref["value"] = survivor.id
        if "name" in ref:
            ref["name"] = shown_name(survivor)
    holder.forget_encoding()
    return True


def _rebook(company: Company, kind: str, holder: Record, at: int) -> None:
    """Its postings move to the survivor; its own time and token only if the company behaves so."""
    if ENTITY_KINDS[kind].is_transaction:
        key = (kind, holder.id)
        company.effects.unpost(key, at)
        company.effects.post(key, company.effects.entry(kind, holder.body), at)
    if company.behaviour.merge_moves_transactions:
        holder.bump_sync_token()
        company.stores[kind].move(holder, at)


def _children(company: Company, entity: str, parent_id: str) -> list[Record]:
    records = company.stores[entity].records.values()
    return [record for record in records if (record.body.get("ParentRef") or {}).get("value") == parent_id]
