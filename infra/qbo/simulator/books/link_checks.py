"""May this payment, bill payment or deposit be linked to what it names, and does the money suffice?"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.ledger import Entry, Key, money, ref_id
from infra.qbo.simulator.books.links import APPLIES_TO, Links, applied_amounts, net_applied
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_PARTY: Final = {"BillPayment": ("VendorRef", "Vendor", -1), "Payment": ("CustomerRef", "Customer", 1)}


def check_links(
    entity: str,
    body: Body,
    *,
    stores: Mapping[str, EntityStore],
    links: Links,
    payer: Key,
    entries: Mapping[Key, Entry],
) -> None:
    """Every link must lead to an open document of the same party, and the money must suffice.

    Raises:
        ServiceFault: 620 for a target that cannot be linked, 6000 for amounts.
    """
    amounts = applied_amounts(entity, body)
    for target, amount in amounts.items():
        kind, identifier = target
        record = stores[kind].records.get(identifier) if kind in APPLIES_TO[entity] else None
        if record is None:
            raise faults.not_linkable(f"{kind} {identifier}")
        if entity == "Deposit":
            _check_deposited(target, amount, record=record, links=links, payer=payer)
        else:
            _check_applied(
                entity, body, target=target, amount=amount, record=record, links=links, payer=payer, entries=entries
            )
    if entity != "Deposit" and net_applied(amounts) > money(body["TotalAmt"]):
        raise faults.refused("More is applied than the payment holds.", element="TotalAmt")


def check_still_owed(
    key: Key, body: Body, *, stores: Mapping[str, EntityStore], links: Links, entry: Callable[[], Entry]
) -> None:
    """A paid document may not pass to another name, nor a journal entry owe its name less than was paid.

    Raises:
        ServiceFault: 6000.
    """
    for payer in links.payers_of(key):
        if payer[0] not in _PARTY:
            continue
        party, list_name, sign = _PARTY[payer[0]]
        who = ref_id(stores[payer[0]].records[payer[1]].body, party)
        if party in body and ref_id(body, party) != who:
            raise faults.refused("You must unlink the payments of this transaction before you change its name.")
        if key[0] == "JournalEntry":
            owed = sign * sum((each.amount for each in entry().postings if each.name == (list_name, who)), ZERO)
            if owed < links.applied_to(key):
                raise faults.refused("The total cannot be less than what has been applied to it.", element="Line")


def _check_deposited(target: Key, amount: Decimal, *, record: Record, links: Links, payer: Key) -> None:
    if any(other != payer for other in links.payers_of(target) if other[0] == "Deposit"):
        raise faults.not_linkable(f"{target[0]} {target[1]}")
    if amount != money(record.body["TotalAmt"]):
        raise faults.refused("A payment is deposited whole.", element="Amount")


def _check_applied(
    entity: str,
    body: Body,
    *,
    target: Key,
    amount: Decimal,
    record: Record,
    links: Links,
    payer: Key,
    entries: Mapping[Key, Entry],
) -> None:
    kind, identifier = target
    party, list_name, sign = _PARTY[entity]
    if party in record.body and ref_id(record.body, party) != ref_id(body, party):
        raise faults.refused(f"{kind} {identifier} belongs to another name.", element="LinkedTxn")
    if amount < ZERO:
        raise faults.refused("An applied amount cannot be negative.", element="Amount")
    if kind == "JournalEntry":
        name = (list_name, ref_id(body, party))
        owed = sign * sum((posting.amount for posting in entries[target].postings if posting.name == name), ZERO)
        if owed <= ZERO:
            raise faults.not_linkable(f"{kind} {identifier}")
    else:
        owed = money(record.body["TotalAmt"])
    if amount > owed - links.applied_to(target, without=payer):
        raise faults.refused(f"The amount is more than the open balance of {kind} {identifier}.", element="Amount")
