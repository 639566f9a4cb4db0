"""What a body must hold before it may enter the books."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.entities import EntityKind
from infra.qbo.simulator.books.ledger import Key, money, ref_id
from infra.qbo.simulator.books.links import APPLIES_TO, Links, applied_amounts, net_applied
from infra.qbo.simulator.books.store import Body, EntityStore

_LONGEST: Final = {"DocNumber": 21, "PrivateNote": 4000, "DisplayName": 500, "Name": 100, "PaymentRefNum": 21}
_ENUMERATIONS: Final = {
    ("BillPayment", "PayType"): frozenset({"Check", "CreditCard"}),
    ("Purchase", "PaymentType"): frozenset({"Cash", "Check", "CreditCard", "Expense", "Other"}),
}
_MAY_HAVE_NO_LINES: Final = frozenset({"BillPayment"})
_LINE_NEEDS: Final = {
    "AccountBasedExpenseLineDetail": "AccountRef",
    "ItemBasedExpenseLineDetail": "ItemRef",
    "JournalEntryLineDetail": "AccountRef",
    "DepositLineDetail": "AccountRef",
}
_PARTY: Final = {"BillPayment": "VendorRef", "Payment": "CustomerRef"}


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


def check_shape(kind: EntityKind, body: Body) -> None:
    """Lengths, enumerations, numbers and lines of what a client sent; amounts sent as text become numbers.

    Raises:
        ServiceFault: 2020, 2050, 2090, 2170 or 6000.
    """
    _check_lengths(body)
    for (entity, element), allowed in _ENUMERATIONS.items():
        if entity == kind.name and body[element] not in allowed:
            raise faults.not_in_enumeration(element, str(body[element]))
    for element in ("TotalAmt", "Amount"):
        if element in kind.required:
            body[element] = _number(body[element], element)
            if body[element] < ZERO:
                raise faults.refused("The amount cannot be negative.", element=element)
    lines = body.get("Line", [])
    if not isinstance(lines, list):
        raise faults.unsupported_property("Line", "should be an array")
    for line in lines:
        _check_line(line)
    if kind.name == "JournalEntry":
        _check_journal(body)


def _check_lengths(body: Body) -> None:
    for element, longest in _LONGEST.items():
        if isinstance(body.get(element), str) and len(body[element]) > longest:
            raise faults.too_long(element, longest=longest, length=len(body[element]))


def _check_line(line: Any) -> None:
    if not isinstance(line, dict):
        raise faults.unsupported_property("Line", "should hold objects")
    if line.get("Amount") is not None:
        line["Amount"] = _number(line["Amount"], "Amount")
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


def _check_journal(body: Body) -> None:
    balance = ZERO
    for line in body["Line"]:
        detail = line.get("JournalEntryLineDetail")
        if detail is None:
            continue
        side = detail.get("PostingType")
        if side not in {"Debit", "Credit"}:
            raise faults.not_in_enumeration("PostingType", str(side))
        balance += money(line.get("Amount")) * (1 if side == "Debit" else -1)
    if balance:
        raise faults.refused("The debits and the credits of a journal entry must be equal.", element="Line")


def check_links(entity: str, body: Body, *, stores: Mapping[str, EntityStore], links: Links, payer: Key) -> None:
    """Every link must lead to an open document of the same party, and the money must suffice.

    Raises:
        ServiceFault: 620 for a target that cannot be linked, 6000 for amounts.
    """
    amounts = applied_amounts(entity, body)
    for target, amount in amounts.items():
        kind, identifier = target
        record = stores[kind].records.get(identifier) if kind in APPLIES_TO[entity] else None
        if record is None:
            raise faults.not_linkable(f"{kind} {identifier}")
        if entity == "Deposit":
            if any(other != payer for other in links.payers_of(target) if other[0] == "Deposit"):
                raise faults.not_linkable(f"{kind} {identifier}")
            continue
        party = _PARTY[entity]
        if party in record.body and ref_id(record.body, party) != ref_id(body, party):
            raise faults.refused(f"{kind} {identifier} belongs to another name.", element="LinkedTxn")
        if kind != "JournalEntry" and amount > money(record.body["TotalAmt"]) - links.applied_to(target, without=payer):
            raise faults.refused(f"The amount is more than the open balance of {kind} {identifier}.", element="Amount")
    if entity != "Deposit" and net_applied(amounts) > money(body["TotalAmt"]):
        raise faults.refused("More is applied than the payment holds.", element="TotalAmt")


def _number(value: Any, element: str) -> Decimal:
    try:
        number = money(value)
    except InvalidOperation as error:
        raise faults.not_a_number(element) from error
    if not number.is_finite():
        raise faults.not_a_number(element)
    return number
