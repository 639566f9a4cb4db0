from datetime import date
from decimal import Decimal

from pydantic import Field

from infra.qbo.wire.shapes import QBOEmail, QBOPhone, QBOShape, QBOTransaction, Ref


class QBOBill(QBOTransaction):
    """Paid means `balance` 0: there is no status field (API.md section 9)."""

    vendor_ref: Ref
    doc_number: str | None = None
    due_date: date | None = None
    total_amt: Decimal
    balance: Decimal
    sales_term_ref: Ref | None = None


class QBOCheckPayment(QBOShape):
    bank_account_ref: Ref | None = None


class QBOCardPayment(QBOShape):
    cc_account_ref: Ref | None = Field(default=None, alias="CCAccountRef")


class QBOBillPayment(QBOTransaction):
    """`total_amt` is the net cash: bills paid less credits applied."""

    vendor_ref: Ref
    doc_number: str | None = None
    total_amt: Decimal
    pay_type: str
    check_payment: QBOCheckPayment | None = None
    credit_card_payment: QBOCardPayment | None = None


class QBOVendorCredit(QBOTransaction):
    """`balance` is what is not applied yet; it is absent where QBO does not compute it."""

    vendor_ref: Ref
    doc_number: str | None = None
    total_amt: Decimal
    balance: Decimal | None = None


class QBOVendor(QBOShape):
    """`balance` is the vendor's open A/P, computed by QBO."""

    display_name: str
    company_name: str | None = None
    active: bool = True
    balance: Decimal | None = None
    currency_ref: Ref | None = None
    primary_email_addr: QBOEmail | None = None
    primary_phone: QBOPhone | None = None
    term_ref: Ref | None = None
