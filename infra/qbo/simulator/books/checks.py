"""What a body must hold before it may enter the books."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from infra.money import CENT, ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.entities import EntityKind
from infra.qbo.simulator.books.ledger import money
from infra.qbo.simulator.books.lengths import LONGEST, LONGEST_IN_GROUP, LONGEST_LINE_DESCRIPTION
from infra.qbo.simulator.books.store import Body

_ENUMERATIONS: Final = {
    ("BillPayment", "PayType"): frozenset({"Check", "CreditCard"}),
    ("Purchase", "PaymentType"): frozenset({"Cash", "Check", "CreditCard", "Expense", "Other"}),
    ("", "GlobalTaxCalculation"): frozenset({"TaxInclusive", "TaxExcluded", "NotApplicable"}),
    ("", "EmailStatus"): frozenset({"NotSet", "NeedToSend", "EmailSent"}),
    ("", "PrintStatus"): frozenset({"NotSet", "NeedToPrint", "PrintComplete"}),
    ("Customer", "PreferredDeliveryMethod"): frozenset({"Print", "Email", "None"}),
}
_MAY_HAVE_NO_LINES: Final = frozenset({"BillPayment"})
_LINE_NEEDS: Final = {
    "AccountBasedExpenseLineDetail": "AccountRef",
    "ItemBasedExpenseLineDetail": "ItemRef",
    "JournalEntryLineDetail": "AccountRef",
    "DepositLineDetail": "AccountRef",
}
_PRICED: Final = ("SalesItemLineDetail", "ItemBasedExpenseLineDetail")
_TEXT: Final = ("DocNumber", "PrivateNote", "DisplayName", "Name", "PaymentRefNum", "Id", "SyncToken")
_SWITCHES: Final = ("Active", "Job", "BillWithParent", "Credit", "Adjustment", "Taxable", "Vendor1099")
NUMBERS: Final = frozenset({
    "Amount", "TotalAmt", "Qty", "UnitPrice", "TotalTax", "ExchangeRate", "DiscountPercent", "TaxPercent", "Deposit",
    "NetAmountTaxable", "DueDays", "DiscountDays", "DayOfMonthDue", "DueNextMonthDays", "DiscountDayOfMonth", "LineNum",
    "QtyOnHand", "PurchaseCost", "Balance", "UnappliedAmt", "TaxInclusiveAmt", "DiscountRate", "DiscountAmt", "BillRate",
    "CostRate", "Level", "CurrentBalance", "CurrentBalanceWithSubAccounts", "BalanceWithJobs", "RemainingCredit",
})  # fmt: skip
"""Properties that are numbers wherever they stand; clients write them as text too."""
_ISO_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T.*|[-+]\d{2}:\d{2}|Z)?")
LARGEST_AMOUNT: Final = Decimal(10) ** 15


def check_required(kind: EntityKind, body: Body) -> None:
    """Raises:
    ServiceFault: 2020, naming the first field that is missing.
    """
    for element in kind.required:
        value = body.get(element)
        if value is None or value in ("", {}) or (value == [] and kind.name not in _MAY_HAVE_NO_LINES):
            raise faults.missing(element)
    if kind.name == "BillPayment":
        part, account = (
            ("CheckPayment", "BankAccountRef") if body["PayType"] == "Check" else ("CreditCardPayment", "CCAccountRef")
        )
        if body["PayType"] in {"Check", "CreditCard"} and not (body.get(part) or {}).get(account):
            raise faults.missing(f"{part}.{account}")


def check_shape(kind: EntityKind, body: Body, *, behaviour: Behaviour) -> None:
    """Lengths, enumerations, dates, numbers and lines of what a client sent; scalars of a kindred type are converted.

    Raises:
        ServiceFault: 2010, 2020, 2050, 2090, 2170, 6000 or 6070.
    """
    _convert_scalars(body)
    _check_lengths(kind.name, body)
    for (entity, element), allowed in _ENUMERATIONS.items():
        if entity in {"", kind.name} and element in body and body[element] not in allowed:
            raise faults.not_in_enumeration(element, str(body[element]))
    for element in ("TotalAmt", "Amount"):
        if element in kind.required and element in body:
            body[element] = _number(body[element], element)
            if body[element] < ZERO:
                raise faults.refused("The amount cannot be negative.", element=element)
    if "Line" in body:
        if not isinstance(body["Line"], list):
            raise faults.unsupported_property("Line", "should be an array")
        for line in body["Line"]:
            _check_line(line, behaviour)
    if kind.name == "JournalEntry" and "Line" in body:
        _check_journal(body["Line"])


def _convert_scalars(body: Body) -> None:
    for element in _TEXT:
        if isinstance(body.get(element), int | Decimal):
            body[element] = str(body[element])
    for element in _SWITCHES:
        value = body.get(element)
        if isinstance(value, str):
            if value.lower() not in {"true", "false"}:
                raise faults.unsupported_property(element, "should be true or false")
            body[element] = value.lower() == "true"
    for element in NUMBERS & body.keys():
        if isinstance(body[element], str):
            body[element] = _number(body[element], element)
    for element in ("TxnDate", "DueDate"):
        if element in body:
            body[element] = _date(body[element], element)


def _date(value: Any, element: str) -> str:
    """A date, or the date of an instant: zone and time are dropped as QBO drops them."""
    match = _ISO_DATE.fullmatch(str(value))
    try:
        return date.fromisoformat(match[1] if match else "").isoformat()
    except ValueError as error:
        raise faults.unsupported_property(element, f"{value} is not a date of the form YYYY-MM-DD") from error


def _check_lengths(entity: str, body: Body) -> None:
    for element, longest in (LONGEST[""] | LONGEST.get(entity, {})).items():
        _check_length(body, element, longest)
    for group in ("BillAddr", "ShipAddr"):
        if isinstance(body.get(group), dict):
            for element, longest in LONGEST_IN_GROUP.items():
                _check_length(body[group], element, longest)


def _check_length(body: Body, element: str, longest: int) -> None:
    value = body.get(element)
    if isinstance(value, str) and len(value) > longest:
        raise faults.too_long(element, longest=longest, length=len(value))


def _check_line(line: Any, behaviour: Behaviour) -> None:
    if not isinstance(line, dict):
        raise faults.unsupported_property("Line", "should hold objects")
    if line.get("Amount") is not None:
        line["Amount"] = _number(line["Amount"], "Amount")
    _check_length(line, "Description", LONGEST_LINE_DESCRIPTION)
    kind = line.get("DetailType")
    if kind is None:
        if not line.get("LinkedTxn"):
            raise faults.missing("DetailType")
        return
    detail = line.get(kind)
    needed = _LINE_NEEDS.get(kind)
    if needed is not None and not line.get("LinkedTxn"):
        if not isinstance(detail, dict):
            raise faults.missing(kind)
        if not detail.get(needed):
            raise faults.missing(needed)
    if kind in _PRICED and isinstance(detail, dict):
        _check_price(line, detail, behaviour)


def _check_price(line: Body, detail: Body, behaviour: Behaviour) -> None:
    for element in ("Qty", "UnitPrice"):
        if detail.get(element) is not None:
            detail[element] = _number(detail[element], element)
    if behaviour.sales_amount_check and "Amount" in line and {"Qty", "UnitPrice"} <= detail.keys():
        exact = money(detail["Qty"]) * money(detail["UnitPrice"])
        if abs(exact - line["Amount"]) >= CENT:
            raise faults.wrong_amount(line["Amount"], exact)


def _check_journal(lines: Iterable[Body]) -> None:
    balance = ZERO
    for line in lines:
        detail = line.get("JournalEntryLineDetail")
        if detail is None:
            continue
        side = detail.get("PostingType")
        if side not in {"Debit", "Credit"}:
            raise faults.not_in_enumeration("PostingType", str(side))
        balance += money(line.get("Amount")) * (1 if side == "Debit" else -1)
    if balance:
        raise faults.refused("The debits and the credits of a journal entry must be equal.", element="Line")


def _number(value: Any, element: str) -> Decimal:
    try:
        number = money(value)
    except InvalidOperation as error:
        raise faults.not_a_number(element) from error
    if not number.is_finite() or abs(number) >= LARGEST_AMOUNT:
        raise faults.not_a_number(element)
    return number
