"""How QBO's accounts and money movements fill our rows. Pure; every own column is set every time."""

from domains.cash.models import (
    Account,
    AccountClass,
    AccountTransactionLog,
    AccountType,
    BankTransfer,
    BankTransferTransactionLog,
    Deposit,
    DepositTransactionLog,
    JournalEntry,
    JournalEntryTransactionLog,
    PaymentType,
    Purchase,
    PurchaseTransactionLog,
)
from infra.config import Rail
from infra.errors import UnknownRailValue
from infra.qbo.wire import QBOAccount, QBODeposit, QBOJournalEntry, QBOPurchase, QBOTransfer
from infra.sync.spec import MirrorSpec

_ACCOUNT_TYPE = {kind.value: kind.value for kind in AccountType}
_CLASSIFICATION = {
    "Asset": AccountClass.ASSET.value,
    "Equity": AccountClass.EQUITY.value,
    "Expense": AccountClass.EXPENSE.value,
    "Liability": AccountClass.LIABILITY.value,
    "Revenue": AccountClass.REVENUE.value,
}
_PAYMENT_TYPE = {
    "Cash": PaymentType.CASH.value,
    "Check": PaymentType.CHECK.value,
    "CreditCard": PaymentType.CREDIT_CARD.value,
    "Expense": PaymentType.EXPENSE.value,
    "Other": PaymentType.OTHER.value,
}


def _known(values: dict[str, str], value: str, *, field: str) -> str:
    try:
        return values[value]
    except KeyError:
        raise UnknownRailValue(field, value) from None


def fill_account(row: Account, wire: QBOAccount) -> None:
    row.name = wire.name
    row.fully_qualified_name = wire.fully_qualified_name
    row.account_type = _known(_ACCOUNT_TYPE, wire.account_type, field="Account.AccountType")
    row.account_subtype = wire.account_sub_type
    row.classification = (
        _known(_CLASSIFICATION, wire.classification, field="Account.Classification") if wire.classification else None
    )
    row.parent_external_id = wire.parent_ref.value if wire.parent_ref else None
    row.current_balance = wire.current_balance
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.is_active = wire.active


def fill_purchase(row: Purchase, wire: QBOPurchase) -> None:
    row.spent_on = wire.txn_date
    row.payment_type = _known(_PAYMENT_TYPE, wire.payment_type, field="Purchase.PaymentType")
    row.account_external_id = wire.account_ref.value
    row.is_credit = bool(wire.credit)
    row.total = wire.total_amt
    row.doc_number = wire.doc_number
    row.entity_type = wire.entity_ref.type if wire.entity_ref else None
    row.entity_external_id = wire.entity_ref.value if wire.entity_ref else None
    row.entity_name = wire.entity_ref.name if wire.entity_ref else None
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def fill_deposit(row: Deposit, wire: QBODeposit) -> None:
    row.deposited_on = wire.txn_date
    row.account_external_id = wire.deposit_to_account_ref.value
    row.total = wire.total_amt
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def fill_bank_transfer(row: BankTransfer, wire: QBOTransfer) -> None:
    row.transferred_on = wire.txn_date
    row.from_account_external_id = wire.from_account_ref.value
    row.to_account_external_id = wire.to_account_ref.value
    row.amount = wire.amount
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def fill_journal_entry(row: JournalEntry, wire: QBOJournalEntry) -> None:
    row.entered_on = wire.txn_date
    row.doc_number = wire.doc_number
    row.total = wire.total_amt
    row.is_adjustment = bool(wire.adjustment)
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


ACCOUNTS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Account", wire=QBOAccount, mirror=Account, log=AccountTransactionLog, fill=fill_account
)
PURCHASES_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Purchase", wire=QBOPurchase, mirror=Purchase, log=PurchaseTransactionLog, fill=fill_purchase
)
DEPOSITS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Deposit", wire=QBODeposit, mirror=Deposit, log=DepositTransactionLog, fill=fill_deposit
)
TRANSFERS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="Transfer",
    wire=QBOTransfer,
    mirror=BankTransfer,
    log=BankTransferTransactionLog,
    fill=fill_bank_transfer,
)
JOURNAL_ENTRIES_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="JournalEntry",
    wire=QBOJournalEntry,
    mirror=JournalEntry,
    log=JournalEntryTransactionLog,
    fill=fill_journal_entry,
)
