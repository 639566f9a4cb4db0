from datetime import date
from decimal import Decimal

from infra.qbo.wire.shapes import QBOEmail, QBOPhone, QBOShape, QBOTransaction, Ref


class QBOInvoice(QBOTransaction):
    """Overdue and paid are derived from `balance` and `due_date`: there is no status field (API.md section 9)."""

    customer_ref: Ref
    doc_number: str | None = None
    due_date: date | None = None
    total_amt: Decimal
    balance: Decimal
    sales_term_ref: Ref | None = None
    email_status: str | None = None
    bill_email: QBOEmail | None = None


class QBOPayment(QBOTransaction):
    """Money from a customer. Without `deposit_to_account_ref` QBO puts it into Undeposited Funds."""

    customer_ref: Ref
    total_amt: Decimal
    unapplied_amt: Decimal | None = None
    deposit_to_account_ref: Ref | None = None
    payment_ref_num: str | None = None


class QBOCreditMemo(QBOTransaction):
    """`remaining_credit` is what is not applied yet."""

    customer_ref: Ref
    doc_number: str | None = None
    total_amt: Decimal
    balance: Decimal | None = None
    remaining_credit: Decimal | None = None


class QBOCustomer(QBOShape):
    """`balance` is the customer's own open A/R, computed by QBO; `balance_with_jobs` adds its jobs'."""

    display_name: str
    company_name: str | None = None
    active: bool = True
    balance: Decimal | None = None
    balance_with_jobs: Decimal | None = None
    currency_ref: Ref | None = None
    primary_email_addr: QBOEmail | None = None
    primary_phone: QBOPhone | None = None
    sales_term_ref: Ref | None = None
    parent_ref: Ref | None = None


class QBOSalesReceipt(QBOTransaction):
    """A sale paid on the spot. A cash sale may name no customer."""

    customer_ref: Ref | None = None
    doc_number: str | None = None
    total_amt: Decimal
    deposit_to_account_ref: Ref | None = None
