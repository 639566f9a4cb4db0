"""Accounts and what moves between them, as the ledger has it. Lines stay in `payload` and are read set-wise in queries."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import RATE
from infra.sync.shapes import LogRow, MirrorRow

_LIVE = text("deleted_at IS NULL")


class AccountType(StrEnum):
    """An account's place in the chart, in the words that accountants and the ledger share."""

    BANK = "Bank"
    ACCOUNTS_RECEIVABLE = "Accounts Receivable"
    OTHER_CURRENT_ASSET = "Other Current Asset"
    FIXED_ASSET = "Fixed Asset"
    OTHER_ASSET = "Other Asset"
    ACCOUNTS_PAYABLE = "Accounts Payable"
    CREDIT_CARD = "Credit Card"
    OTHER_CURRENT_LIABILITY = "Other Current Liability"
    LONG_TERM_LIABILITY = "Long Term Liability"
    EQUITY = "Equity"
    INCOME = "Income"
    COST_OF_GOODS_SOLD = "Cost of Goods Sold"
    EXPENSE = "Expense"
    OTHER_INCOME = "Other Income"
    OTHER_EXPENSE = "Other Expense"
    NON_POSTING = "Non-Posting"


class AccountClass(StrEnum):
    ASSET = "asset"
    EQUITY = "equity"
    EXPENSE = "expense"
    LIABILITY = "liability"
    REVENUE = "revenue"


class PaymentType(StrEnum):
    CASH = "cash"
    CHECK = "check"
    CREDIT_CARD = "credit_card"
    EXPENSE = "expense"
    OTHER = "other"


class Account(MirrorRow):
    """`current_balance` is the books', in the account's currency; a liability's is negative.

    `account_subtype` is the ledger's own word (hundreds, by country): `Checking`, `UndepositedFunds`.
    """

    __tablename__ = "account"

    name: Mapped[str]
    fully_qualified_name: Mapped[str | None]
    account_type: Mapped[str]
    account_subtype: Mapped[str | None]
    classification: Mapped[str | None]
    parent_external_id: Mapped[str | None]
    current_balance: Mapped[Decimal | None]
    currency: Mapped[str | None]
    is_active: Mapped[bool]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_account_by_name", "business_id", "name", "id", postgresql_where=_LIVE),)


class AccountTransactionLog(LogRow):
    __tablename__ = "account_transaction_log"


class Purchase(MirrorRow):
    """An expense paid on the spot from `account_external_id`, a bank account or a card; `is_credit` is a refund to it."""

    __tablename__ = "purchase"

    spent_on: Mapped[date]
    payment_type: Mapped[str]
    account_external_id: Mapped[str]
    is_credit: Mapped[bool]
    total: Mapped[Decimal]
    doc_number: Mapped[str | None]
    entity_type: Mapped[str | None]
    entity_external_id: Mapped[str | None]
    entity_name: Mapped[str | None]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_purchase_by_day", "business_id", "spent_on", postgresql_where=_LIVE),)


class PurchaseTransactionLog(LogRow):
    __tablename__ = "purchase_transaction_log"


class Deposit(MirrorRow):
    """`total` is what reached the account: the lines less cash back."""

    __tablename__ = "deposit"

    deposited_on: Mapped[date]
    account_external_id: Mapped[str]
    total: Mapped[Decimal]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_deposit_by_day", "business_id", "deposited_on", postgresql_where=_LIVE),)


class DepositTransactionLog(LogRow):
    __tablename__ = "deposit_transaction_log"


class BankTransfer(MirrorRow):
    """Between two of the company's own accounts."""

    __tablename__ = "bank_transfer"

    transferred_on: Mapped[date]
    from_account_external_id: Mapped[str]
    to_account_external_id: Mapped[str]
    amount: Mapped[Decimal]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_bank_transfer_by_day", "business_id", "transferred_on", postgresql_where=_LIVE),)


class BankTransferTransactionLog(LogRow):
    __tablename__ = "bank_transfer_transaction_log"


class JournalEntry(MirrorRow):
    """`total` is one side's sum; null where the ledger does not tell."""

    __tablename__ = "journal_entry"

    entered_on: Mapped[date]
    doc_number: Mapped[str | None]
    total: Mapped[Decimal | None]
    is_adjustment: Mapped[bool]
    currency: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(RATE)
    memo: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        return (Index("ix_journal_entry_by_day", "business_id", "entered_on", postgresql_where=_LIVE),)


class JournalEntryTransactionLog(LogRow):
    __tablename__ = "journal_entry_transaction_log"
