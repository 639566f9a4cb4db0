"""Payments that move nothing (credits against documents, voids): the general ledger shows them all the same, twice."""

from collections.abc import Iterator
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import ref_id
from infra.qbo.simulator.reports.accounts import ReportAccount
from infra.qbo.simulator.reports.movements import Movement

_KEY: Final = "not specified"
# Where the money of such a payment would stand: on no account.
NOT_SPECIFIED: Final = ReportAccount(_KEY, None, "Not Specified", "Not Specified", "Bank", "")


def empty_payments(company: Company) -> Iterator[Movement]:
    chart = company.chart
    for key, entry in company.ledger.entries.items():
        if entry.postings or key[0] not in {"Payment", "BillPayment"}:
            continue
        body = company.stores[key[0]].records[key[1]].body
        named, usual = (
            ("ARAccountRef", chart.receivable_id) if key[0] == "Payment" else ("APAccountRef", chart.payable_id)
        )
        account, note = ref_id(body, named) or usual, body.get("PrivateNote")
        yield Movement(key, entry, entry.txn_on, account, ZERO, entry.name)
        yield Movement(key, entry, entry.txn_on, _KEY, ZERO, entry.name, note, split=account)
