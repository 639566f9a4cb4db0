"""How QBO's receivables fill our rows. Pure; every own column is set every time."""

from domains.ar.models import (
    CreditMemo,
    CreditMemoTransactionLog,
    Customer,
    CustomerTransactionLog,
    EmailStatus,
    Invoice,
    InvoiceTransactionLog,
    Receipt,
    ReceiptTransactionLog,
    SalesReceipt,
    SalesReceiptTransactionLog,
)
from infra.config import Rail
from infra.errors import UnknownRailValue
from infra.qbo.wire import QBOCreditMemo, QBOCustomer, QBOInvoice, QBOPayment, QBOSalesReceipt
from infra.sync.spec import MirrorSpec

_EMAIL_STATUS = {
    "NotSet": EmailStatus.NOT_SET.value,
    "NeedToSend": EmailStatus.NEED_TO_SEND.value,
    "EmailSent": EmailStatus.SENT.value,
}


def fill_invoice(row: Invoice, wire: QBOInvoice) -> None:
    row.customer_external_id = wire.customer_ref.value
    row.customer_name = wire.customer_ref.name
    row.doc_number = wire.doc_number
    row.issued_on = wire.txn_date
    row.due_on = wire.due_date
    row.total = wire.total_amt
    row.balance = wire.balance
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.terms_external_id = wire.sales_term_ref.value if wire.sales_term_ref else None
    row.email_status = _email_status(wire.email_status) if wire.email_status else None
    row.email = wire.bill_email.address if wire.bill_email else None
    row.memo = wire.private_note


def _email_status(value: str) -> str:
    try:
        return _EMAIL_STATUS[value]
    except KeyError:
        raise UnknownRailValue("Invoice.EmailStatus", value) from None


def fill_receipt(row: Receipt, wire: QBOPayment) -> None:
    row.customer_external_id = wire.customer_ref.value
    row.customer_name = wire.customer_ref.name
    row.reference = wire.payment_ref_num
    row.received_on = wire.txn_date
    row.total = wire.total_amt
    row.unapplied = wire.unapplied_amt
    row.deposit_to_account_external_id = wire.deposit_to_account_ref.value if wire.deposit_to_account_ref else None
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def fill_credit_memo(row: CreditMemo, wire: QBOCreditMemo) -> None:
    row.customer_external_id = wire.customer_ref.value
    row.customer_name = wire.customer_ref.name
    row.doc_number = wire.doc_number
    row.issued_on = wire.txn_date
    row.total = wire.total_amt
    row.balance = wire.balance if wire.remaining_credit is None else wire.remaining_credit
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def fill_customer(row: Customer, wire: QBOCustomer) -> None:
    row.display_name = wire.display_name
    row.company_name = wire.company_name
    row.parent_external_id = wire.parent_ref.value if wire.parent_ref else None
    row.balance = wire.balance
    row.balance_with_jobs = wire.balance_with_jobs
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.is_active = wire.active
    row.email = wire.primary_email_addr.address if wire.primary_email_addr else None
    row.phone = wire.primary_phone.free_form_number if wire.primary_phone else None
    row.terms_external_id = wire.sales_term_ref.value if wire.sales_term_ref else None


def fill_sales_receipt(row: SalesReceipt, wire: QBOSalesReceipt) -> None:
    row.customer_external_id = wire.customer_ref.value if wire.customer_ref else None
    row.customer_name = wire.customer_ref.name if wire.customer_ref else None
    row.doc_number = wire.doc_number
    row.sold_on = wire.txn_date
    row.total = wire.total_amt
    row.deposit_to_account_external_id = wire.deposit_to_account_ref.value if wire.deposit_to_account_ref else None
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


INVOICES_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Invoice", wire=QBOInvoice, mirror=Invoice, log=InvoiceTransactionLog, fill=fill_invoice
)
RECEIPTS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Payment", wire=QBOPayment, mirror=Receipt, log=ReceiptTransactionLog, fill=fill_receipt
)
CREDIT_MEMOS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="CreditMemo",
    wire=QBOCreditMemo,
    mirror=CreditMemo,
    log=CreditMemoTransactionLog,
    fill=fill_credit_memo,
)
CUSTOMERS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Customer", wire=QBOCustomer, mirror=Customer, log=CustomerTransactionLog, fill=fill_customer
)
SALES_RECEIPTS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="SalesReceipt",
    wire=QBOSalesReceipt,
    mirror=SalesReceipt,
    log=SalesReceiptTransactionLog,
    fill=fill_sales_receipt,
)
