"""A second, independent reading of company files as double entry, so that the engine is not its own witness."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from infra.qbo.simulator.files.company_file import CompanyFile

Movement = tuple[date, str, Decimal]
"""Day, account id, signed debit."""


def account_id(company: CompanyFile, subtype: str) -> str:
    return str(next(a["Id"] for a in company.accounts if a["AccountSubType"] == subtype))


def movements(company: CompanyFile) -> Iterator[Movement]:
    for transaction in company.transactions:
        day = date.fromisoformat(transaction.body["TxnDate"])
        for account, debit in _sides(company, transaction.entity, transaction.body):
            yield day, account, debit
    for entry in company.ledger:
        for posting in entry.postings:
            yield entry.txn_on, posting.account_id, posting.debit - posting.credit


def balances(company: CompanyFile) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for _, account, debit in movements(company):
        totals[account] += debit
    return totals


def open_amounts(company: CompanyFile) -> dict[str, tuple[str, Decimal]]:
    """What is left of each bill, invoice, credit and payment: id → (entity, amount)."""
    left: dict[str, tuple[str, Decimal]] = {}
    for transaction in company.transactions:
        entity, body = transaction.entity, transaction.body
        if entity in {"Bill", "VendorCredit"}:
            left[body["Id"]] = (entity, sum((line["Amount"] for line in body["Line"]), start=Decimal(0)))
        elif entity in {"Invoice", "CreditMemo"}:
            left[body["Id"]] = (entity, _sale_total(body))
        elif entity in {"Payment", "BillPayment"}:
            applied = Decimal(0)
            for line in body["Line"]:
                target = line["LinkedTxn"][0]["TxnId"]
                kind, remaining = left[target]
                left[target] = (kind, remaining - line["Amount"])
                applied += line["Amount"] * (-1 if kind in {"CreditMemo", "VendorCredit"} else 1)
            left[body["Id"]] = (entity, body["TotalAmt"] - applied)
    return left


def _sale_total(body: dict[str, Any]) -> Decimal:
    lines = sum(line["Amount"] * (-1 if "DiscountLineDetail" in line else 1) for line in body["Line"])
    return Decimal(lines) + Decimal(body.get("TxnTaxDetail", {}).get("TotalTax", 0))


def _sides(  # noqa: C901, PLR0912 - one branch a kind; splitting them would hide that none is missing
    company: CompanyFile, entity: str, body: dict[str, Any]
) -> Iterator[tuple[str, Decimal]]:
    match entity:
        case "Bill" | "VendorCredit":
            sign = 1 if entity == "Bill" else -1
            yield from _expenses(body, sign)
            yield account_id(company, "AccountsPayable"), -sign * sum(line["Amount"] for line in body["Line"])
        case "Invoice" | "CreditMemo":
            sign = 1 if entity == "Invoice" else -1
            yield account_id(company, "AccountsReceivable"), sign * _sale_total(body)
            yield from _sales(company, body, sign)
        case "SalesReceipt":
            yield body["DepositToAccountRef"]["value"], _sale_total(body)
            yield from _sales(company, body, 1)
        case "Payment":
            if body["TotalAmt"]:
                yield body["DepositToAccountRef"]["value"], body["TotalAmt"]
                yield account_id(company, "AccountsReceivable"), -body["TotalAmt"]
        case "BillPayment":
            if body["PayType"] == "Check":
                yield body["CheckPayment"]["BankAccountRef"]["value"], -body["TotalAmt"]
            else:
                yield body["CreditCardPayment"]["CCAccountRef"]["value"], -body["TotalAmt"]
            yield account_id(company, "AccountsPayable"), body["TotalAmt"]
        case "Purchase":
            sign = -1 if body.get("Credit") else 1
            yield from _expenses(body, sign)
            yield body["AccountRef"]["value"], -sign * sum(line["Amount"] for line in body["Line"])
        case "Deposit":
            yield from _deposit(company, body)
        case "Transfer":
            yield body["FromAccountRef"]["value"], -body["Amount"]
            yield body["ToAccountRef"]["value"], body["Amount"]
        case "JournalEntry":
            for line in body["Line"]:
                detail = line["JournalEntryLineDetail"]
                sign = 1 if detail["PostingType"] == "Debit" else -1
                yield detail["AccountRef"]["value"], sign * line["Amount"]
        case _:
            raise AssertionError(entity)


def _expenses(body: dict[str, Any], sign: int) -> Iterator[tuple[str, Decimal]]:
    for line in body["Line"]:
        yield line["AccountBasedExpenseLineDetail"]["AccountRef"]["value"], sign * line["Amount"]


def _sales(company: CompanyFile, body: dict[str, Any], sign: int) -> Iterator[tuple[str, Decimal]]:
    income = {item["Id"]: item["IncomeAccountRef"]["value"] for item in company.items}
    for line in body["Line"]:
        if "DiscountLineDetail" in line:
            yield line["DiscountLineDetail"]["DiscountAccountRef"]["value"], sign * line["Amount"]
        else:
            yield income[line["SalesItemLineDetail"]["ItemRef"]["value"]], -sign * line["Amount"]
    for tax in body.get("TxnTaxDetail", {}).get("TaxLine", ()):
        yield company.tax_accounts[tax["TaxLineDetail"]["TaxRateRef"]["value"]], -sign * tax["Amount"]


def _deposit(company: CompanyFile, body: dict[str, Any]) -> Iterator[tuple[str, Decimal]]:
    back = body.get("CashBack", {"Amount": Decimal(0)})
    if back["Amount"]:
        yield back["AccountRef"]["value"], back["Amount"]
    yield body["DepositToAccountRef"]["value"], sum(line["Amount"] for line in body["Line"]) - back["Amount"]
    for line in body["Line"]:
        if "LinkedTxn" in line:
            yield account_id(company, "UndepositedFunds"), -line["Amount"]
        else:
            yield line["DepositLineDetail"]["AccountRef"]["value"], -line["Amount"]
