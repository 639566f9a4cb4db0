"""What we owe, as the ledger has it. Amounts are positive, in `currency` (null: the company's home currency)."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Computed, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domains.core.parties import Party
from infra.db.base import RATE
from infra.sync.shapes import LogRow, MirrorRow

_LIVE = text("deleted_at IS NULL")
_OPEN = text("deleted_at IS NULL AND balance <> 0")


class PayType(StrEnum):
    """How a bill was paid. Transfers (ACH) are recorded as checks."""

    CHECK = "check"
    CREDIT_CARD = "credit_card"


class Bill(MirrorRow):
    """`due_on` is null where the ledger has none; ageing then counts from `issued_on`."""

    __tablename__ = "bill"

    vendor_external_id: Mapped[str]
    vendor_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    issued_on: Mapped[date]
    due_on: Mapped[date | None]
    total: Mapped[Decimal]
    balance: Mapped[Decimal]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    terms_external_id: Mapped[str | None]
    memo: Mapped[str | None]
    # What looks like another bill is looked for on every page that shows the tray: by its number, in whatever case.
    number_folded: Mapped[str | None] = mapped_column(Computed("left(lower(doc_number), 200)", persisted=True))

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (
            Index("ix_bill_open_by_due", "business_id", "due_on", "id", postgresql_where=_OPEN),
            Index("ix_bill_by_vendor", "business_id", "vendor_external_id", "number_folded", "issued_on"),
        )


class BillTransactionLog(LogRow):
    __tablename__ = "bill_transaction_log"


class BillPayment(MirrorRow):
    """`total` is the net cash that left; `account_external_id` is the bank account or, by `pay_type`, the card."""

    __tablename__ = "bill_payment"

    vendor_external_id: Mapped[str]
    vendor_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    paid_on: Mapped[date]
    total: Mapped[Decimal]
    pay_type: Mapped[str]
    account_external_id: Mapped[str | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_bill_payment_by_day", "business_id", "paid_on", postgresql_where=_LIVE),)


class BillPaymentTransactionLog(LogRow):
    __tablename__ = "bill_payment_transaction_log"


class Vendor(Party):
    __tablename__ = "vendor"


class VendorTransactionLog(LogRow):
    __tablename__ = "vendor_transaction_log"


class VendorCredit(MirrorRow):
    """`balance` is what is not applied yet; null where the ledger does not tell."""

    __tablename__ = "vendor_credit"

    vendor_external_id: Mapped[str]
    vendor_name: Mapped[str | None]
    doc_number: Mapped[str | None]
    issued_on: Mapped[date]
    total: Mapped[Decimal]
    balance: Mapped[Decimal | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_vendor_credit_open", "business_id", "vendor_external_id", postgresql_where=_OPEN),)


class VendorCreditTransactionLog(LogRow):
    __tablename__ = "vendor_credit_transaction_log"
