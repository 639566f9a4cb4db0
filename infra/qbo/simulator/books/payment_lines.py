"""What QBO writes beside each line of a customer payment: the document's Id, number and balance before the payment."""

from collections.abc import Mapping
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.books.ledger import Key, money
from infra.qbo.simulator.books.links import Links
from infra.qbo.simulator.books.store import Body, EntityStore

_CLASS: Final = "com.intuit.schema.finance.v3.NameValue"
_NAME: Final = "{http://schema.intuit.com/finance/v3}NameValue"
_SCOPE: Final = "javax.xml.bind.JAXBElement$GlobalScope"


def describe_payment_lines(body: Body, *, stores: Mapping[str, EntityStore], links: Links, payer: Key) -> None:
    """Set LineEx in place: Intuit's serializer shows its Java wrappers there, and so do we."""
    for line in body["Line"]:
        target = next(iter(line.get("LinkedTxn", ())), None)
        if target is None:
            continue
        key = (str(target["TxnType"]), str(target["TxnId"]))
        document = stores[key[0]].records[key[1]].body
        still_open = money(document.get("TotalAmt")) - links.applied_to(key, without=payer)
        facts = {"txnId": key[1], "txnOpenBalance": f"{still_open + ZERO:.2f}"}
        if "DocNumber" in document:
            facts["txnReferenceNumber"] = document["DocNumber"]
        line["LineEx"] = extra(facts)


def extra(facts: Mapping[str, str]) -> Body:
    """Name and value pairs as the `any` list of an extension element."""
    return {"any": [_wrapped(name, value) for name, value in facts.items()]}


def _wrapped(name: str, value: str) -> Body:
    return {
        "name": _NAME,
        "declaredType": _CLASS,
        "scope": _SCOPE,
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }
