"""What is left of a voided transaction: its number, names and dates, with every amount zero."""

from copy import deepcopy
from typing import Final

from infra.qbo.simulator.books.store import Body

VOIDABLE: Final = frozenset({"Payment", "BillPayment", "SalesReceipt", "Invoice"})
_WORD: Final = "Voided"


def voided(entity: str, body: Body) -> Body:
    """The body after a void; `PrivateNote` begins with "Voided". Voiding twice changes nothing more."""
    fresh = deepcopy(body)
    note = fresh.get("PrivateNote", "")
    if not note.startswith(_WORD):
        fresh["PrivateNote"] = f"{_WORD} - {note}" if note else _WORD
    if entity in {"Payment", "BillPayment"}:
        fresh |= {"TotalAmt": 0, "Line": []}
        if "CheckPayment" in fresh:
            fresh["CheckPayment"]["PrintStatus"] = "NotSet"
        return fresh
    if entity == "Transfer":
        fresh["Amount"] = 0
    if "TxnTaxDetail" in fresh:
        fresh["TxnTaxDetail"] = {"TotalTax": 0}
    if "CashBack" in fresh:
        fresh["CashBack"]["Amount"] = 0
    lines = fresh.get("Line", ())
    if entity == "Deposit":
        fresh["Line"] = lines = [line for line in lines if not line.get("LinkedTxn")] or _empty_deposit_line(body)
    for line in lines:
        _clear(line)
    return fresh


def _clear(line: Body) -> None:
    if "Amount" in line:
        line["Amount"] = 0
    for detail in ("SalesItemLineDetail", "ItemBasedExpenseLineDetail"):
        if "Qty" in line.get(detail, {}):
            line[detail]["Qty"] = 0
    for inner in line.get("GroupLineDetail", {}).get("Line", ()):
        _clear(inner)


def _empty_deposit_line(body: Body) -> list[Body]:
    """A deposit of linked payments alone keeps one line, for a deposit has at least one."""
    detail = {"AccountRef": dict(body["DepositToAccountRef"])}
    return [{"Amount": 0, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}]
