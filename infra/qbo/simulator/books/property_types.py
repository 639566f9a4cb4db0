"""Which JSON type a property has, wherever it stands: what cannot be read as that never reaches the books."""

from typing import Any, Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.checks import NUMBERS

_LISTS: Final = frozenset({"Line", "LinkedTxn", "TaxLine", "CustomField"})
_OBJECTS: Final = frozenset({
    "TxnTaxDetail", "CheckPayment", "CreditCardPayment", "BillEmail", "BillEmailCc", "BillEmailBcc", "CustomerMemo",
    "CashBack", "MetaData", "PrimaryEmailAddr", "PrimaryPhone", "AlternatePhone", "Mobile", "Fax", "WebAddr", "Email",
    "BillAddr", "ShipAddr", "ShipFromAddr", "RemitToAddr", "CompanyAddr", "LegalAddr", "CustomerCommunicationAddr",
})  # fmt: skip
_SCALARS: Final = NUMBERS | {
    "Id", "SyncToken", "DocNumber", "PrivateNote", "TxnDate", "DueDate", "DisplayName", "Name", "Title", "GivenName",
    "MiddleName", "FamilyName", "Suffix", "CompanyName", "LegalName", "PrintOnCheckName", "Active", "Description",
    "AccountType", "AccountSubType", "AcctNum", "Type", "Sku", "PayType", "PaymentType", "PaymentRefNum", "DetailType",
    "PostingType", "PrintStatus", "EmailStatus", "GlobalTaxCalculation", "Address", "FreeFormNumber", "URI", "Line1",
    "Line2", "Line3", "Line4", "Line5", "City", "PostalCode", "Country", "CountrySubDivisionCode", "TxnId", "TxnType",
    "Notes", "Credit", "Adjustment", "Job", "Taxable", "Vendor1099", "sparse", "value", "name",
}  # fmt: skip


def check_types(body: dict[str, Any]) -> None:
    """Null is no value and stands for any type.

    Raises:
        ServiceFault: 2010, naming the property.
    """
    for name, value in body.items():
        is_object = name in _OBJECTS or name.endswith("Detail") or (name.endswith("Ref") and name != "AttachableRef")
        if value is None or name.endswith("Ex"):
            continue  # an extension holds Intuit's own wrappers
        if name in _LISTS and not isinstance(value, list):
            raise faults.unsupported_property(name, "should be an array")
        if is_object and not isinstance(value, dict):
            raise faults.unsupported_property(name, "should be an object")
        if name in _SCALARS and isinstance(value, dict | list):
            raise faults.unsupported_property(name, "should be a single value")
        _look_into(name, value)


def _look_into(name: str, value: Any) -> None:
    if isinstance(value, dict):
        check_types(value)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                check_types(one)
            elif name in _LISTS:
                raise faults.unsupported_property(name, "should hold objects")
