"""A company small enough to reckon by hand, and a clock that a test moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.store import Body, Record
from infra.qbo.simulator.files.company_file import CompanyFile, CompanyTransaction

REALM = "9130000000000001"
CHECKING, PAYABLE, RECEIVABLE, UNDEPOSITED, SALES, RENT, VISA, TAX = "1", "2", "3", "4", "5", "6", "7", "8"


class MovableClock:
    def __init__(self, now: datetime = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **parts: float) -> None:
        self._now += timedelta(**parts)


def make_file(transactions: list[CompanyTransaction] | None = None, *, realm_id: str = REALM) -> CompanyFile:
    accounts = [
        (CHECKING, "Checking", "Bank", "Checking"),
        (PAYABLE, "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
        (RECEIVABLE, "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
        (UNDEPOSITED, "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
        (SALES, "Sales", "Income", "SalesOfProductIncome"),
        (RENT, "Rent", "Expense", "RentOrLeaseOfBuildings"),
        (VISA, "Visa", "Credit Card", "CreditCard"),
        (TAX, "Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ]
    return CompanyFile(
        format="oodaloo-company/1",
        company={"CompanyName": "Small Works", "TimeZone": "America/New_York"},
        realm_id=realm_id,
        accounts=[{"Id": i, "Name": n, "AccountType": t, "AccountSubType": s} for i, n, t, s in accounts],
        terms=[{"Id": "3", "Name": "Net 30", "DueDays": 30}],
        items=[{"Id": "1", "Name": "Hours", "Type": "Service", "IncomeAccountRef": ref(SALES)}],
        vendors=[{"Id": "56", "DisplayName": "Norton Lumber"}, {"Id": "57", "DisplayName": "Books by Bessie"}],
        customers=[{"Id": "1", "DisplayName": "Amy's Birds"}, {"Id": "2", "DisplayName": "Bill's Surf"}],
        transactions=transactions or [],
    )


def make_company(clock: MovableClock, transactions: list[CompanyTransaction] | None = None) -> Company:
    return load_company(make_file(transactions), clock=clock)


def ref(identifier: str) -> dict[str, str]:
    return {"value": identifier}


def bill(amount: Any = "100.00", *, vendor: str = "56", **more: Any) -> Body:
    line = {
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": ref(RENT)},
    }
    return {"VendorRef": ref(vendor), "Line": [line], **more}


def invoice(amount: Any = "100.00", *, customer: str = "1", **more: Any) -> Body:
    line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": ref("1")}}
    return {"CustomerRef": ref(customer), "Line": [line], **more}


def bill_payment(total: Any, paid: list[tuple[Record, Any]], *, vendor: str = "56") -> Body:
    return {
        "VendorRef": ref(vendor),
        "TotalAmt": total,
        "PayType": "Check",
        "CheckPayment": {"BankAccountRef": ref(CHECKING)},
        "Line": [_link(record, amount) for record, amount in paid],
    }


def payment(total: Any, paid: list[tuple[Record, Any]], *, customer: str = "1") -> Body:
    return {"CustomerRef": ref(customer), "TotalAmt": total, "Line": [_link(record, amount) for record, amount in paid]}


def _link(record: Record, amount: Any) -> Body:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": record.id, "TxnType": entity_of(record)}]}


def entity_of(record: Record) -> str:
    """By what tells the kinds apart in these tests."""
    body = record.body
    if "RemainingCredit" in body:
        return "CreditMemo"
    if "CustomerRef" in body:
        return "Invoice"
    return "Bill" if "DueDate" in body else "VendorCredit"


def changed(record: Record, **fields: Any) -> Body:
    """A full update's body: the object as it is with `fields` over it."""
    return {**record.body, **fields}
