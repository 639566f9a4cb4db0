"""What the server adds to a body: totals, dates, line ids, subtotal lines, default codes."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from infra.money import ZERO, to_cents
from infra.qbo.simulator.books.ledger import money
from infra.qbo.simulator.books.payment_lines import extra
from infra.qbo.simulator.books.posting_rules import sales_lines

Body = dict[str, Any]

USD: Final = {"value": "USD", "name": "United States Dollar"}
_SALES: Final = frozenset({"Invoice", "CreditMemo", "SalesReceipt"})
_COSTS: Final = frozenset({"Bill", "VendorCredit", "Purchase"})
_PAYERS: Final = frozenset({"BillPayment", "Payment"})
NUMBERED: Final = _SALES
_COUNTS_LINES: Final = _SALES | {"Bill", "Deposit"}  # captured: the others' lines have an Id and no LineNum
# Intuit's own numbers of the forms; the card's was captured, the others are from memory of its screens' addresses.
_PURCHASE_CODES: Final = {"CreditCard": "1", "Check": "3", "CreditCardCredit": "11", "Cash": "54"}


def complete_transaction(entity: str, body: Body, *, today: str, earlier_lines: frozenset[str] = frozenset()) -> None:
    """Fill in place what QBO fills. `earlier_lines` are the line Ids that an update may keep."""
    body.setdefault("TxnDate", today)
    name_currency(body)
    if entity in _SALES:
        _complete_sale(entity, body)
    if "Line" in body and entity not in _PAYERS:
        _number_lines(entity, body["Line"], earlier_lines)
    if entity in _COSTS:
        _complete_cost_lines(body)
    if entity == "BillPayment" and body.get("PayType") == "Check":
        body["CheckPayment"].setdefault("PrintStatus", "NeedToPrint")
    if entity == "Purchase":
        body.setdefault("Credit", False)
        kind = "CreditCardCredit" if body["Credit"] and body["PaymentType"] == "CreditCard" else body["PaymentType"]
        body["PurchaseEx"] = extra({"TxnType": _PURCHASE_CODES.get(kind, _PURCHASE_CODES["Cash"])})
    if entity == "JournalEntry":
        body.setdefault("Adjustment", False)
    if entity not in _PAYERS and entity != "Transfer":
        body["TotalAmt"] = total_of(entity, body)


def name_currency(body: Body) -> None:
    """Every ref is shown with its name, whether it was sent with one or not at all."""
    if body.get("CurrencyRef", USD).get("value", USD["value"]) == USD["value"]:
        body["CurrencyRef"] = USD


def total_of(entity: str, body: Body) -> Decimal:
    """The document's total as QBO computes it; of a journal entry, its debits."""
    tax = money((body.get("TxnTaxDetail") or {}).get("TotalTax"))
    if entity in _SALES:
        return _sales_subtotal(body) + tax
    if entity == "JournalEntry":
        return sum((money(line.get("Amount")) for line in body["Line"] if _is_debit(line)), ZERO)
    total = sum(
        (money(line.get("Amount")) for line in body["Line"] if line.get("DetailType") != "DescriptionOnly"), ZERO
    )
    if entity == "Deposit":
        return total - money((body.get("CashBack") or {}).get("Amount"))
    return total + tax


def due_on(txn_on: date, term: Body | None) -> date:
    """Term days, or for a term by day of month that day, a month later when it is too near; no term: at once."""
    if term is None:
        return txn_on
    if term.get("DayOfMonthDue"):
        day = int(term["DayOfMonthDue"])
        due = _day_of_month(txn_on.year, txn_on.month, day)
        if (due - txn_on).days < int(term.get("DueNextMonthDays") or 0) or due < txn_on:
            months = txn_on.year * 12 + txn_on.month
            due = _day_of_month(months // 12, months % 12 + 1, day)
        return due
    return txn_on + timedelta(days=int(term.get("DueDays") or 0))


def _day_of_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _is_debit(line: Body) -> bool:
    return (line.get("JournalEntryLineDetail") or {}).get("PostingType") == "Debit"


def _sales_subtotal(body: Body) -> Decimal:
    """Items less discounts, before tax."""
    total = ZERO
    for line in sales_lines(body):
        amount = money(line.get("Amount"))
        total += -amount if line["DetailType"] == "DiscountLineDetail" else amount
    return total


def _complete_sale(entity: str, body: Body) -> None:
    lines = [line for line in body["Line"] if line.get("DetailType") != "SubTotalLineDetail"]
    body["Line"] = lines
    for line in lines:
        detail = line.get("SalesItemLineDetail")
        if detail is not None:
            detail.setdefault("TaxCodeRef", {"value": "NON"})
            if "Amount" not in line:
                line["Amount"] = money(detail.get("Qty", 1)) * money(detail.get("UnitPrice"))
    items = (line for line in sales_lines(body) if line["DetailType"] == "SalesItemLineDetail")
    subtotal = sum((money(line.get("Amount")) for line in items), ZERO)
    lines.append({"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    body.setdefault("TxnTaxDetail", {"TotalTax": 0})
    _complete_tax(body["TxnTaxDetail"])
    body.setdefault("ApplyTaxAfterDiscount", False)
    body.setdefault("PrintStatus", "NeedToPrint")
    body.setdefault("EmailStatus", "NotSet")
    if entity == "SalesReceipt":
        body["Balance"] = 0
    if entity == "Invoice":
        body.setdefault("LinkedTxn", [])  # captured: an invoice alone shows it empty
        for switch in (
            "AllowIPNPayment",
            "AllowOnlinePayment",
            "AllowOnlineCreditCardPayment",
            "AllowOnlineACHPayment",
        ):
            body.setdefault(switch, False)


def _complete_tax(tax: Body) -> None:
    """What the tax lines say, where the total was left out. Without lines there is no tax: rates are not modelled."""
    for line in tax.get("TaxLine", ()):
        detail = line.get("TaxLineDetail") or {}
        line.setdefault("DetailType", "TaxLineDetail")
        if "Amount" not in line:
            line["Amount"] = to_cents(money(detail.get("NetAmountTaxable")) * money(detail.get("TaxPercent")) / 100)
    if "TotalTax" not in tax:
        tax["TotalTax"] = sum((money(line["Amount"]) for line in tax.get("TaxLine", ())), ZERO) or 0


def _complete_cost_lines(body: Body) -> None:
    for line in body["Line"]:
        detail = line.get("AccountBasedExpenseLineDetail") or line.get("ItemBasedExpenseLineDetail")
        if detail is not None:
            detail.setdefault("BillableStatus", "NotBillable")
            detail.setdefault("TaxCodeRef", {"value": "NON"})


def _number_lines(entity: str, lines: list[Body], earlier: frozenset[str]) -> None:
    """Known Ids stay, all else is a new line; journal lines count from 0. Linked lines of a deposit carry no Id."""
    first = 0 if entity == "JournalEntry" else 1
    used = {line["Id"] for line in lines if line.get("Id") in earlier}
    upcoming = max((int(i) for i in earlier if i.isdecimal()), default=first - 1) + 1
    number = 0
    for line in lines:
        if line.get("DetailType") == "SubTotalLineDetail" or (entity == "Deposit" and line.get("LinkedTxn")):
            line.pop("Id", None)
            continue
        number += 1
        if entity in _COUNTS_LINES:
            line["LineNum"] = number
        if line.get("Id") not in used:
            line["Id"] = str(upcoming)
            upcoming += 1
