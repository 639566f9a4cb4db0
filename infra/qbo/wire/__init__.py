"""QBO's objects in QBO's own words. Ours begin in the domains' `fill`."""

from infra.qbo.wire.books import (
    QBOAccount,
    QBOCompanyInfo,
    QBODeposit,
    QBOJournalEntry,
    QBOPreferences,
    QBOPurchase,
    QBOTransfer,
)
from infra.qbo.wire.payables import QBOBill, QBOBillPayment, QBOVendor, QBOVendorCredit
from infra.qbo.wire.receivables import QBOCreditMemo, QBOCustomer, QBOInvoice, QBOPayment, QBOSalesReceipt
from infra.qbo.wire.records import MalformedRailObject, deletion_of, is_deletion, read_envelopes, record_of
from infra.qbo.wire.shapes import QBOTransaction, Ref

__all__ = [
    "MalformedRailObject",
    "QBOAccount",
    "QBOBill",
    "QBOBillPayment",
    "QBOCompanyInfo",
    "QBOCreditMemo",
    "QBOCustomer",
    "QBODeposit",
    "QBOInvoice",
    "QBOJournalEntry",
    "QBOPayment",
    "QBOPreferences",
    "QBOPurchase",
    "QBOSalesReceipt",
    "QBOTransaction",
    "QBOTransfer",
    "QBOVendor",
    "QBOVendorCredit",
    "Ref",
    "deletion_of",
    "is_deletion",
    "read_envelopes",
    "record_of",
]
