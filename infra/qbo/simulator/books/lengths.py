"""The longest text that each field takes, by entity (appendix of the API reference; "" is every entity)."""

from typing import Final

_PERSON: Final = {
    "Title": 16, "GivenName": 100, "MiddleName": 100, "FamilyName": 100, "Suffix": 16, "DisplayName": 500,
    "CompanyName": 100, "PrintOnCheckName": 110, "Notes": 2000, "ResaleNum": 16,
}  # fmt: skip
LONGEST: Final[dict[str, dict[str, int]]] = {
    "": {"DocNumber": 21, "PrivateNote": 4000, "PaymentRefNum": 21, "Name": 100},
    "Vendor": {**_PERSON, "PrintOnCheckName": 100, "TaxIdentifier": 20, "AcctNum": 100, "BusinessNumber": 10},
    "Customer": _PERSON,
    "Account": {"Description": 100},
    "Item": {"Description": 4000, "PurchaseDesc": 1000, "Sku": 100},
    "Term": {"Name": 31},
    "CompanyInfo": {"CompanyName": 1024, "LegalName": 1024},
}
LONGEST_LINE_DESCRIPTION: Final = 4000
LONGEST_IN_GROUP: Final = {"PostalCode": 30, "City": 255, "Country": 255, "CountrySubDivisionCode": 255} | {
    f"Line{number}": 500 for number in range(1, 6)
}
