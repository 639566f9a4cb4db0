"""Which side an account stands on, found for a ledger file that names accounts but not their types.

A ledger report prints amounts in the account's natural sign: an increase is positive for assets and expenses (debit) and
for liabilities, equity and income (credit). The side is found in three steps: the names of QBO's default chart that mean
one thing; then every transaction with a single unknown account, which must balance, until nothing new is learnt; then the
kind of the documents that use the account. Step two decides names that stand twice in the chart (`Plants and Soil` is both
an income and an expense account of QBO's sample company).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from infra.money import ZERO
from infra.qbo.simulator.files.company_file import Body, CompanyFileError

Side = Literal[1, -1]
DEBIT: Final = 1
CREDIT: Final = -1

_DEBIT_TYPES: Final = frozenset({
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset", "Cost of Goods Sold", "Expense",
    "Other Expense",
})  # fmt: skip
_CLASSIFICATION: Final = {
    "Bank": "Asset", "Accounts Receivable": "Asset", "Other Current Asset": "Asset", "Fixed Asset": "Asset",
    "Other Asset": "Asset", "Accounts Payable": "Liability", "Credit Card": "Liability",
    "Other Current Liability": "Liability", "Long Term Liability": "Liability", "Equity": "Equity", "Income": "Revenue",
    "Other Income": "Revenue", "Cost of Goods Sold": "Expense", "Expense": "Expense", "Other Expense": "Expense",
}  # fmt: skip

_DEFAULT_CHART: Final[dict[str, tuple[str, str]]] = {
    "Checking": ("Bank", "Checking"),
    "Savings": ("Bank", "Savings"),
    "Money Market": ("Bank", "MoneyMarket"),
    "Accounts Receivable (A/R)": ("Accounts Receivable", "AccountsReceivable"),
    "Undeposited Funds": ("Other Current Asset", "UndepositedFunds"),
    "Inventory Asset": ("Other Current Asset", "Inventory"),
    "Prepaid Expenses": ("Other Current Asset", "PrepaidExpenses"),
    "Original Cost": ("Fixed Asset", "Vehicles"),
    "Depreciation": ("Fixed Asset", "AccumulatedDepreciation"),
    "Accounts Payable (A/P)": ("Accounts Payable", "AccountsPayable"),
    "Mastercard": ("Credit Card", "CreditCard"),
    "Visa": ("Credit Card", "CreditCard"),
    "Loan Payable": ("Other Current Liability", "OtherCurrentLiabilities"),
    "Notes Payable": ("Long Term Liability", "OtherLongTermLiabilities"),
    "Opening Balance Equity": ("Equity", "OpeningBalanceEquity"),
    "Retained Earnings": ("Equity", "RetainedEarnings"),
    "Design income": ("Income", "SalesOfProductIncome"),
    "Discounts given": ("Income", "DiscountsRefundsGiven"),
    "Landscaping Services": ("Income", "OtherPrimaryIncome"),
    "Pest Control Services": ("Income", "OtherPrimaryIncome"),
    "Sales of Product Income": ("Income", "SalesOfProductIncome"),
    "Services": ("Income", "ServiceFeeIncome"),
    "Cost of Goods Sold": ("Cost of Goods Sold", "SuppliesMaterialsCogs"),
    "Advertising": ("Expense", "AdvertisingPromotional"),
    "Automobile": ("Expense", "Auto"),
    "Insurance": ("Expense", "Insurance"),
    "Legal & Professional Fees": ("Expense", "LegalProfessionalFees"),
    "Meals and Entertainment": ("Expense", "EntertainmentMeals"),
    "Miscellaneous": ("Other Expense", "OtherMiscellaneousExpense"),
    "Office Expenses": ("Expense", "OfficeGeneralAdministrativeExpenses"),
    "Rent or Lease": ("Expense", "RentOrLeaseOfBuildings"),
    "Gas and Electric": ("Expense", "Utilities"),
    "Telephone": ("Expense", "Utilities"),
}
_TAX_WORDS: Final = ("board of equalization", "dept. of revenue", "sales tax", "department of revenue")
_SALES_KINDS: Final = frozenset({"Invoice", "Sales Receipt", "Credit Memo", "Refund"})


@dataclass(frozen=True, slots=True)
class Posting:
    """`debit` is signed: a credit is negative."""

    account_id: str
    debit: Decimal
    memo: str | None


def side_of(account: Body) -> Side:
    return DEBIT if account["AccountType"] in _DEBIT_TYPES else CREDIT


def infer_accounts(entries: Sequence[Body], *, source: str) -> dict[str, Body]:
    """The QBO Account bodies, by id, of every account the entries post to.

    Raises:
        CompanyFileError: an entry that no choice of sides balances.
    """
    names = {
        str(p["AccountId"]): str(p.get("Account") or p["AccountId"])
        for e in entries
        for p in e["Postings"]
        if p["AccountId"]
    }
    sides: dict[str, Side] = {}
    for account_id, name in names.items():
        known = _known_type(name)
        if known is not None:
            sides[account_id] = DEBIT if known[0] in _DEBIT_TYPES else CREDIT
    _learn_from_balance(entries, sides)
    for entry in entries:
        for posting in entry["Postings"]:
            if posting["AccountId"]:
                side: Side = CREDIT if entry["Type"] in _SALES_KINDS else DEBIT
                sides.setdefault(str(posting["AccountId"]), side)
    for position, entry in enumerate(entries):
        if sum((p.debit for p in signed_postings(entry, sides)), start=ZERO):
            raise CompanyFileError(source, place=f"transactions[{position}]", problem="no choice of sides balances it")
    return {account_id: account_body(account_id, name, sides[account_id]) for account_id, name in names.items()}


def signed_postings(entry: Body, sides: dict[str, Side]) -> list[Posting]:
    """The entry's postings that move money, as debits; rows of zero say nothing."""
    return [
        Posting(str(p["AccountId"]), Decimal(p["Amount"]) * sides[str(p["AccountId"])], p.get("Memo"))
        for p in entry["Postings"]
        if p["Amount"]
    ]


def account_body(account_id: str, name: str, side: Side) -> Body:
    fallback = ("Expense", "OtherMiscellaneousServiceCost") if side == DEBIT else ("Income", "OtherPrimaryIncome")
    account_type, subtype = _known_type(name) or fallback
    return {
        "Id": account_id,
        "Name": name,
        "AccountType": account_type,
        "AccountSubType": subtype,
        "Classification": _CLASSIFICATION[account_type],
        "Active": True,
    }


def _known_type(name: str) -> tuple[str, str] | None:
    if any(word in name.lower() for word in _TAX_WORDS) and "payable" in name.lower():
        return "Other Current Liability", "GlobalTaxPayable"
    return _DEFAULT_CHART.get(name)


def _learn_from_balance(entries: Sequence[Body], sides: dict[str, Side]) -> None:
    learnt = True
    while learnt:
        learnt = False
        for entry in entries:
            unknown: dict[str, Decimal] = {}
            known = ZERO
            for posting in entry["Postings"]:
                account_id, amount = str(posting["AccountId"]), Decimal(posting["Amount"])
                if account_id in sides:
                    known += sides[account_id] * amount
                elif amount:
                    unknown[account_id] = unknown.get(account_id, ZERO) + amount
            if len(unknown) == 1:
                account_id, amount = unknown.popitem()
                if amount and abs(known) == abs(amount):
                    sides[account_id] = CREDIT if known == amount else DEBIT
                    learnt = True
