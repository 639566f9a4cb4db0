"""QBO objects of our own making: `make_…` gives a whole one, changed by the keywords."""

from decimal import Decimal
from typing import Any

Body = dict[str, Any]

USD = {"value": "USD", "name": "United States Dollar"}


def make_envelope(external_id: str, *, version: int = 0, updated_at: str = "2026-03-02T09:15:00-08:00") -> Body:
    return {
        "Id": external_id,
        "SyncToken": str(version),
        "MetaData": {"CreateTime": "2026-03-01T08:00:00-08:00", "LastUpdatedTime": updated_at},
        "domain": "QBO",
        "sparse": False,
    }


def make_bill(external_id: str = "7", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "VendorRef": {"value": "31", "name": "Harbor Supply"},
        "DocNumber": "HS-118",
        "TxnDate": "2026-03-01",
        "DueDate": "2026-03-31",
        "TotalAmt": Decimal("120.50"),
        "Balance": Decimal("20.50"),
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "SalesTermRef": {"value": "3"},
        "PrivateNote": "March",
        **fields,
    }


def make_bill_payment(external_id: str = "8", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "VendorRef": {"value": "31", "name": "Harbor Supply"},
        "DocNumber": "1042",
        "TxnDate": "2026-03-05",
        "TotalAmt": 100,
        "PayType": "Check",
        "CheckPayment": {"BankAccountRef": {"value": "35", "name": "Checking"}, "PrintStatus": "NotSet"},
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "by post",
        "Line": [{"Amount": 100, "LinkedTxn": [{"TxnId": "7", "TxnType": "Bill"}]}],
        **fields,
    }


def make_vendor(external_id: str = "31", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "DisplayName": "Harbor Supply",
        "CompanyName": "Harbor Supply LLC",
        "Active": True,
        "Balance": Decimal("20.5"),
        "CurrencyRef": USD,
        "PrimaryEmailAddr": {"Address": "ap@harbor.example"},
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0199"},
        "TermRef": {"value": "3"},
        **fields,
    }


def make_vendor_credit(external_id: str = "9", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "VendorRef": {"value": "31", "name": "Harbor Supply"},
        "DocNumber": "CR-2",
        "TxnDate": "2026-03-03",
        "TotalAmt": 15,
        "Balance": 5,
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "returned",
        **fields,
    }


def make_invoice(external_id: str = "17", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "CustomerRef": {"value": "61", "name": "Dune Cafe"},
        "DocNumber": "1071",
        "TxnDate": "2026-02-10",
        "DueDate": "2026-03-12",
        "TotalAmt": 900,
        "Balance": Decimal("450.25"),
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "SalesTermRef": {"value": "3"},
        "EmailStatus": "EmailSent",
        "BillEmail": {"Address": "pay@dune.example"},
        "PrivateNote": "second half",
        **fields,
    }


def make_receipt(external_id: str = "18", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "CustomerRef": {"value": "61", "name": "Dune Cafe"},
        "PaymentRefNum": "wire 5",
        "TxnDate": "2026-03-06",
        "TotalAmt": Decimal("449.75"),
        "UnappliedAmt": Decimal("0.25"),
        "DepositToAccountRef": {"value": "35"},
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "first half",
        **fields,
    }


def make_credit_memo(external_id: str = "19", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "CustomerRef": {"value": "61", "name": "Dune Cafe"},
        "DocNumber": "1072",
        "TxnDate": "2026-03-07",
        "TotalAmt": 30,
        "Balance": 12,
        "RemainingCredit": 12,
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "late delivery",
        **fields,
    }


def make_customer(external_id: str = "61", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "DisplayName": "Dune Cafe",
        "CompanyName": "Dune Cafe Inc",
        "ParentRef": {"value": "60"},
        "Active": True,
        "Balance": Decimal("450.25"),
        "BalanceWithJobs": Decimal("450.25"),
        "CurrencyRef": USD,
        "PrimaryEmailAddr": {"Address": "pay@dune.example"},
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0133"},
        "SalesTermRef": {"value": "3"},
        **fields,
    }


def make_sales_receipt(external_id: str = "20", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "CustomerRef": {"value": "61", "name": "Dune Cafe"},
        "DocNumber": "1073",
        "TxnDate": "2026-03-08",
        "TotalAmt": Decimal("42.10"),
        "DepositToAccountRef": {"value": "35"},
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "counter sale",
        **fields,
    }


def make_account(external_id: str = "35", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "Name": "Checking",
        "FullyQualifiedName": "Checking",
        "AccountType": "Bank",
        "AccountSubType": "Checking",
        "Classification": "Asset",
        "ParentRef": {"value": "30"},
        "CurrentBalance": Decimal("1201.00"),
        "CurrencyRef": USD,
        "Active": True,
        **fields,
    }


def make_purchase(external_id: str = "21", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "TxnDate": "2026-03-09",
        "PaymentType": "Check",
        "AccountRef": {"value": "35", "name": "Checking"},
        "EntityRef": {"value": "31", "name": "Harbor Supply", "type": "Vendor"},
        "Credit": False,
        "TotalAmt": 80,
        "DocNumber": "1043",
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "paint",
        "Line": [make_expense_line(80, account="7")],
        **fields,
    }


def make_expense_line(amount: Any, *, account: str) -> Body:
    return {
        "Id": "1",
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": account}},
    }


def make_deposit(external_id: str = "22", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "TxnDate": "2026-03-10",
        "DepositToAccountRef": {"value": "35", "name": "Checking"},
        "TotalAmt": 500,
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "loan",
        "Line": [make_deposit_line(500, account="90")],
        **fields,
    }


def make_deposit_line(amount: Any, *, account: str) -> Body:
    return {
        "Amount": amount,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": {"value": account}},
    }


def make_transfer(external_id: str = "23", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "TxnDate": "2026-03-11",
        "FromAccountRef": {"value": "36", "name": "Savings"},
        "ToAccountRef": {"value": "35", "name": "Checking"},
        "Amount": 250,
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "for payroll",
        **fields,
    }


def make_journal_entry(external_id: str = "24", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "TxnDate": "2026-03-12",
        "DocNumber": "J-4",
        "TotalAmt": 60,
        "Adjustment": True,
        "CurrencyRef": USD,
        "ExchangeRate": 1,
        "PrivateNote": "fee",
        "Line": [make_journal_line("Debit", 60, account="65"), make_journal_line("Credit", 60, account="35")],
        **fields,
    }


def make_journal_line(posting: str, amount: Any, *, account: str) -> Body:
    detail = {"PostingType": posting, "AccountRef": {"value": account}}
    return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


def make_company_info(external_id: str = "1", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "CompanyName": "Dune Works",
        "LegalName": "Dune Works LLC",
        "Country": "US",
        "Email": {"Address": "books@dune.example"},
        "FiscalYearStartMonth": "April",
        **fields,
    }


def make_preferences(external_id: str = "1", **fields: Any) -> Body:
    return {
        **make_envelope(external_id),
        "AccountingInfoPrefs": {"FirstMonthOfFiscalYear": "July", "BookCloseDate": "2025-12-31"},
        "CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "CAD"}},
        **fields,
    }


WHOLE: dict[str, Body] = {
    "Bill": make_bill(),
    "BillPayment": make_bill_payment(),
    "Vendor": make_vendor(),
    "VendorCredit": make_vendor_credit(),
    "Invoice": make_invoice(),
    "Payment": make_receipt(),
    "CreditMemo": make_credit_memo(),
    "Customer": make_customer(),
    "SalesReceipt": make_sales_receipt(),
    "Account": make_account(),
    "Purchase": make_purchase(),
    "Deposit": make_deposit(),
    "Transfer": make_transfer(),
    "JournalEntry": make_journal_entry(),
    "CompanyInfo": make_company_info(),
    "Preferences": make_preferences(),
}

# What QBO always sends; everything else may be absent, which means null.
ALWAYS_SENT: dict[str, tuple[str, ...]] = {
    "Bill": ("VendorRef", "TxnDate", "TotalAmt", "Balance"),
    "BillPayment": ("VendorRef", "TxnDate", "TotalAmt", "PayType"),
    "Vendor": ("DisplayName",),
    "VendorCredit": ("VendorRef", "TxnDate", "TotalAmt"),
    "Invoice": ("CustomerRef", "TxnDate", "TotalAmt", "Balance"),
    "Payment": ("CustomerRef", "TxnDate", "TotalAmt"),
    "CreditMemo": ("CustomerRef", "TxnDate", "TotalAmt"),
    "Customer": ("DisplayName",),
    "SalesReceipt": ("TxnDate", "TotalAmt"),
    "Account": ("Name", "AccountType"),
    "Purchase": ("TxnDate", "PaymentType", "AccountRef", "TotalAmt"),
    "Deposit": ("TxnDate", "DepositToAccountRef", "TotalAmt"),
    "Transfer": ("TxnDate", "FromAccountRef", "ToAccountRef", "Amount"),
    "JournalEntry": ("TxnDate",),
    "CompanyInfo": ("CompanyName",),
    "Preferences": (),
}
