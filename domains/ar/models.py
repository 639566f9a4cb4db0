"""What we are owed, as the ledger has it. Amounts are positive, in `currency` (null: the company's home currency)."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domains.core.parties import Party
from infra.db.base import RATE
from infra.sync.shapes import LogRow, MirrorRow

_LIVE = text("deleted_at IS NULL")
_OPEN = text("deleted_at IS NULL AND balance <> 0")
_UNAPPLIED = text("deleted_at IS NULL AND unapplied <> 0")


class EmailStatus(StrEnum):
    """Whether the ledger has mailed an invoice."""

    NOT_SET = "not_set"
    NEED_TO_SEND = "need_to_send"
    SENT = "sent"


class Invoice(MirrorRow):
    """`due_on` is null where the ledger has none; ageing then counts from `issued_on`."""

    __tablename__ = "invoice"

    customer_external_id: Mapped[str]
    customer_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    issued_on: Mapped[date]
    due_on: Mapped[date | None]
    total: Mapped[Decimal]
    balance: Mapped[Decimal]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    terms_external_id: Mapped[str | None]
    email_status: Mapped[str | None]
    email: Mapped[str | None]
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (
            Index("ix_invoice_open_by_due", "business_id", "due_on", "id", postgresql_where=_OPEN),
            Index("ix_invoice_by_customer", "business_id", "customer_external_id"),
        )


class InvoiceTransactionLog(LogRow):
    __tablename__ = "invoice_transaction_log"


class Receipt(MirrorRow):
    """A customer's payment. `unapplied` is not matched to an invoice yet.

    `deposit_to_account_external_id` is null where the ledger left it at its default, Undeposited Funds.
    """

    __tablename__ = "receipt"

    customer_external_id: Mapped[str]
    customer_name: Mapped[str | None]
    reference: Mapped[str | None]
    received_on: Mapped[date]
    total: Mapped[Decimal]
    unapplied: Mapped[Decimal | None]
    deposit_to_account_external_id: Mapped[str | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (
            Index("ix_receipt_by_day", "business_id", "received_on", postgresql_where=_LIVE),
            Index("ix_receipt_unapplied", "business_id", "customer_external_id", postgresql_where=_UNAPPLIED),
        )


class ReceiptTransactionLog(LogRow):
    __tablename__ = "receipt_transaction_log"


class CreditMemo(MirrorRow):
    """`balance` is what is not applied yet; null where the ledger does not tell."""

    __tablename__ = "credit_memo"

    customer_external_id: Mapped[str]
    customer_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    issued_on: Mapped[date]
    total: Mapped[Decimal]
    balance: Mapped[Decimal | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_credit_memo_open", "business_id", "customer_external_id", postgresql_where=_OPEN),)


class CreditMemoTransactionLog(LogRow):
    __tablename__ = "credit_memo_transaction_log"


class Customer(Party):
    """`balance_with_jobs` adds the sub-customers' to `balance`."""

    __tablename__ = "customer"

    parent_external_id: Mapped[str | None]
    balance_with_jobs: Mapped[Decimal | None]


class CustomerTransactionLog(LogRow):
    __tablename__ = "customer_transaction_log"


class SalesReceipt(MirrorRow):
    """A sale paid on the spot, with or without a named customer."""

    __tablename__ = "sales_receipt"

    customer_external_id: Mapped[str | None]
    customer_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    sold_on: Mapped[date]
    total: Mapped[Decimal]
    deposit_to_account_external_id: Mapped[str | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_sales_receipt_by_day", "business_id", "sold_on", postgresql_where=_LIVE),)


class SalesReceiptTransactionLog(LogRow):
    __tablename__ = "sales_receipt_transaction_log"
