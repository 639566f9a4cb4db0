"""Which JSON type a property has, wherever it stands: what cannot be read as that never reaches the books."""

from decimal import InvalidOperation
from typing import Any, Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.checks import LARGEST_AMOUNT, NUMBERS
from infra.qbo.simulator.books.ledger import money

_LISTS: Final = frozenset({"Line", "LinkedTxn", "TaxLine", "CustomField", "NameValue"})
_TEXTS: Final = frozenset({"BookCloseDate", "DetailType", "TxnType", "type", "Type"})
_OBJECTS: Final = frozenset({
    "TxnTaxDetail", "CheckPayment", "CreditCardPayment", "BillEmail", "BillEmailCc", "BillEmailBcc", "CustomerMemo",
    "CashBack", "MetaData", "PrimaryEmailAddr", "PrimaryPhone", "AlternatePhone", "Mobile", "Fax", "WebAddr", "Email",
    "BillAddr", "ShipAddr", "ShipFromAddr", "RemitToAddr", "CompanyAddr", "LegalAddr", "CustomerCommunicationAddr",
    "Entity",
})  # fmt: skip
_SCALARS: Final = NUMBERS | {
    "Id", "SyncToken", "DocNumber", "PrivateNote", "TxnDate", "DueDate", "DisplayName", "Name", "Title", "GivenName",
    "MiddleName", "FamilyName", "Suffix", "CompanyName", "LegalName", "PrintOnCheckName", "Active", "Description",
    "AccountType", "AccountSubType", "AcctNum", "Type", "Sku", "PayType", "PaymentType", "PaymentRefNum", "DetailType",
    "PostingType", "PrintStatus", "EmailStatus", "GlobalTaxCalculation", "Address", "FreeFormNumber", "URI", "Line1",
    "Line2", "Line3", "Line4", "Line5", "City", "PostalCode", "Country", "CountrySubDivisionCode", "TxnId", "TxnType",
    "Notes", "Credit", "Adjustment", "Job", "Taxable", "Vendor1099", "sparse", "value", "name",
}  # fmt: skip


def check_types(body: dict[str, Any], *, is_part: bool = False) -> None:
    """Null is no value and stands for any type; so is an empty text, but within a part.

    Raises:
        ServiceFault: 2010 or 2090, naming the property.
    """
    for name, value in body.items():
        if value is None or name.endswith("Ex") or (value == "" and not is_part):
            continue  # an extension holds Intuit's own wrappers
        problem = _problem(name, value)
        if problem is not None:
            raise faults.unsupported_property(name, problem)
        if name in NUMBERS and not _is_number(value):
            raise faults.not_a_number(name)
        _look_into(name, value)


def _problem(name: str, value: Any) -> str | None:
    is_object = name in _OBJECTS or name.endswith(("Detail", "Prefs"))
    is_object = is_object or (name.endswith("Ref") and name != "AttachableRef")
    if name in _LISTS and not isinstance(value, list):
        return "should be an array"
    if is_object and not isinstance(value, dict):
        return "should be an object"
    if name in _SCALARS and isinstance(value, dict | list):
        return "should be a single value"
    if name in _TEXTS and not isinstance(value, str):
        return "should be text"
    return None


def _is_number(value: Any) -> bool:
    """Of at most fifteen digits before the point, as a number or as text."""
    try:
        number = money(value)
    except InvalidOperation:
        return False
    return number.is_finite() and abs(number) < LARGEST_AMOUNT


def _look_into(name: str, value: Any) -> None:
    if isinstance(value, dict):
        check_types(value, is_part=True)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                check_types(one, is_part=True)
            elif name in _LISTS:
                raise faults.unsupported_property(name, "should hold objects")
