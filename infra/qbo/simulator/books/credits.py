"""Credits applied by the company itself (preference AutoApplyCredit): payments of zero that join memos to invoices."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator.books.ledger import money
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_NOTE = "Created by QB Online to link credits to charges."


def credit_applications(stores: Mapping[str, EntityStore], *, customer_id: str) -> Iterator[Body]:
    """One payment a credit memo with money left, against the customer's open invoices, oldest first.

    Each body must be entered before the next is asked for: it changes what is open.
    """
    for memo in _open(stores["CreditMemo"], customer_id):
        left = money(memo.body["Balance"])
        lines = []
        for invoice in _open(stores["Invoice"], customer_id):
            amount = min(left, money(invoice.body["Balance"]))
            if amount > ZERO:
                lines.append(_line("Invoice", invoice, amount))
                left -= amount
        if lines:
            used = money(memo.body["Balance"]) - left
            yield {
                "CustomerRef": {"value": customer_id},
                "TotalAmt": 0,
                "TxnDate": memo.body["TxnDate"],
                "PrivateNote": _NOTE,
                "Line": [*lines, _line("CreditMemo", memo, used)],
            }


def _line(entity: str, record: Record, amount: Decimal) -> Body:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": record.id, "TxnType": entity}]}


def _open(store: EntityStore, customer_id: str) -> list[Record]:
    found = [
        record
        for record in store.records.values()
        if record.body["CustomerRef"]["value"] == customer_id and money(record.body["Balance"]) > ZERO
    ]
    return sorted(found, key=lambda record: (record.body["TxnDate"], record.number))
