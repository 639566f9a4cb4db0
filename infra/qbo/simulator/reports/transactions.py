"""A transaction as detail reports print it: its type in words, its number, its memo."""

from typing import Final

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry, Key, ref_id
from infra.qbo.simulator.books.store import Record

_NAMES: Final = {
    "VendorCredit": "Vendor Credit",
    "CreditMemo": "Credit Memo",
    "SalesReceipt": "Sales Receipt",
    "JournalEntry": "Journal Entry",
}


def txn_type(company: Company, key: Key, entry: Entry) -> str:
    """`Bill Payment (Check)`, `Expense`, …; what no entity stands for has its own words already."""
    record = _record(company, key)
    if record is not None and entry.kind == "BillPayment":
        return "Bill Payment (Check)" if record.body.get("PayType") == "Check" else "Bill Payment (Credit Card)"
    if record is not None and entry.kind == "Purchase":
        by_card = record.body.get("PaymentType") == "CreditCard"
        if record.body.get("Credit") is True:
            return "Credit Card Credit" if by_card else "Credit"
        return "Check" if record.body.get("PaymentType") == "Check" else "Expense"
    return _NAMES.get(entry.kind, entry.kind)


def doc_number(company: Company, key: Key, entry: Entry) -> str:
    """A customer's payment has a reference number instead."""
    record = _record(company, key)
    reference = record.body.get("PaymentRefNum") if record is not None else None
    return entry.doc_number or str(reference or "")


def memo_of(company: Company, key: Key) -> str:
    record = _record(company, key)
    return str(record.body.get("PrivateNote") or "") if record is not None else ""


def term_of(company: Company, key: Key) -> str:
    record = _record(company, key)
    term = company.stores["Term"].records.get(ref_id(record.body, "SalesTermRef") or "") if record else None
    return str(term.body["Name"]) if term else ""


def _record(company: Company, key: Key) -> Record | None:
    store = company.stores.get(key[0])
    return store.records.get(key[1]) if store is not None else None
