"""CompanyInfo and Preferences of a simulated company: what a new US company has, with the file's own values on top."""

from datetime import date
from typing import Any, Final

from infra.qbo.simulator.books.store import Body

_OURS: Final = frozenset({"TimeZone"})


def company_info(own: Body, *, opened_on: date) -> Body:
    """The file's TimeZone steers the simulator; QBO has no such field, so it is not shown."""
    name = own.get("CompanyName", "Company")
    country = own.get("Country", "US")
    return {
        "LegalName": name,
        "Country": country,
        "SupportedLanguages": "en",
        "FiscalYearStartMonth": "January",
        "CompanyStartDate": opened_on.isoformat(),
        "CompanyAddr": {"Id": "1", "Country": "USA" if country == "US" else country},
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
        ],
        **{key: value for key, value in own.items() if key not in _OURS},
        "CompanyName": name,
        **_object("1"),
    }


def preferences(own: Body, *, first_month: str) -> Body:
    return {**_merged(_defaults(first_month), own), **_object("1")}


def _object(identifier: str) -> Body:
    return {"Id": identifier, "SyncToken": "0", "domain": "QBO", "sparse": False}


def _merged(base: Body, over: Body) -> Body:
    merged: dict[str, Any] = dict(base)
    for key, value in over.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if nested else value
    return merged


def _defaults(first_month: str) -> Body:
    return {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": False,
            "TrackDepartments": False,
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": False,
            "FirstMonthOfFiscalYear": first_month,
            "TaxYearMonth": "January",
            "CustomerTerminology": "Customers",
        },
        "ProductAndServicesPrefs": {"ForSales": True, "ForPurchase": True, "QuantityOnHand": False},
        "SalesFormsPrefs": {
            "CustomTxnNumbers": False,
            "AllowDeposit": False,
            "AllowDiscount": False,
            "AllowEstimates": True,
            "AutoApplyCredit": False,
        },
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": False, "BillableExpenseTracking": False},
        "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateBillNumber", "Value": False}]},
    }
