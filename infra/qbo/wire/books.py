"""Accounts, what moves between them, and the company itself."""

from datetime import date
from decimal import Decimal

from infra.qbo.wire.shapes import QBOEmail, QBOShape, QBOTransaction, Ref


class QBOAccount(QBOShape):
    """`current_balance` is the ledger's, not the bank feed's, in the account's currency; liabilities are negative."""

    name: str
    fully_qualified_name: str | None = None
    account_type: str
    account_sub_type: str | None = None
    classification: str | None = None
    current_balance: Decimal | None = None
    currency_ref: Ref | None = None
    active: bool = True
    parent_ref: Ref | None = None


class QBOPurchase(QBOTransaction):
    """An expense, cheque or card charge, or with `credit` its refund."""

    doc_number: str | None = None
    payment_type: str
    account_ref: Ref
    entity_ref: Ref | None = None
    credit: bool | None = None
    total_amt: Decimal


class QBODeposit(QBOTransaction):
    """`total_amt` is what reaches the account: the lines less cash back."""

    deposit_to_account_ref: Ref
    total_amt: Decimal


class QBOTransfer(QBOTransaction):
    from_account_ref: Ref
    to_account_ref: Ref
    amount: Decimal


class QBOJournalEntry(QBOTransaction):
    """`total_amt` is one side's sum; not every answer carries it."""

    doc_number: str | None = None
    total_amt: Decimal | None = None
    adjustment: bool | None = None


class QBOCurrencyPrefs(QBOShape):
    """`home_currency` comes as a reference or, from older companies, as the code alone."""

    multi_currency_enabled: bool | None = None
    home_currency: Ref | str | None = None


class QBOAccountingPrefs(QBOShape):
    """`first_month_of_fiscal_year` is an English month's name; nothing may change up to and on `book_close_date`."""

    first_month_of_fiscal_year: str | None = None
    book_close_date: date | None = None


class QBOPreferences(QBOShape):
    accounting_info_prefs: QBOAccountingPrefs | None = None
    currency_prefs: QBOCurrencyPrefs | None = None


class QBOCompanyInfo(QBOShape):
    """`fiscal_year_start_month` is an English month's name. Home currency and time zone are not in it."""

    company_name: str
    legal_name: str | None = None
    country: str | None = None
    email: QBOEmail | None = None
    fiscal_year_start_month: str | None = None
