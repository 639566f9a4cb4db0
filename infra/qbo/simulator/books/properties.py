"""Which properties a body may have: those of the entity in Intuit's published schema, used here or not."""

from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.entities import EntityKind
from infra.qbo.simulator.books.property_types import check_types
from infra.qbo.simulator.books.store import Body

_ANY: Final = "Id SyncToken MetaData CustomField AttachableRef CustomExtensions domain status sparse"
_TRANSACTION: Final = (
    "DocNumber TxnDate DepartmentRef CurrencyRef ExchangeRate PrivateNote TxnStatus LinkedTxn Line TxnTaxDetail TxnSource"
    " TaxFormType TaxFormNum TransactionLocationType Tag TxnApprovalInfo RecurDataRef RecurringInfo ProjectRef TotalAmt"
    " GlobalTaxCalculation HomeTotalAmt"
)
_SALE: Final = (
    "AutoDocNumber CustomerRef CustomerMemo BillAddr ShipAddr ShipFromAddr RemitToRef ClassRef SalesTermRef DueDate"
    " SalesRepRef PONumber FOB ShipMethodRef ShipDate TrackingNum ApplyTaxAfterDiscount TemplateRef PrintStatus EmailStatus"
    " BillEmail BillEmailCc BillEmailBcc ARAccountRef Balance HomeBalance FinanceCharge PaymentMethodRef PaymentRefNum"
    " PaymentType CheckPayment CreditCardPayment DepositToAccountRef DeliveryInfo TaxExemptionRef FreeFormAddress"
    " DiscountRate DiscountAmt GovtTxnRefIdentifier"
)
_FROM_VENDOR: Final = "VendorRef APAccountRef BillEmail ReplyEmail Memo IncludeInAnnualTPAR VendorAddr LessCIS"
_PERSON: Final = (
    "IntuitId Organization UserId V4IDPseudonym FullyQualifiedName OtherContactInfo DefaultTaxCodeRef ContactName"
    " AltContactName Notes BillAddr ShipAddr OtherAddr ParentRef OpenBalanceDate CreditLimit AcctNum TDSEnabled"
    " BusinessNumber GSTIN GSTRegistrationType Source TaxIdentifier"
)
_MORE: Final = {
    "Bill": f"{_FROM_VENDOR} PayerRef RemitToAddr ShipAddr HomeBalance BillEx VATAmount",
    "VendorCredit": f"{_FROM_VENDOR} HomeBalance VendorCreditEx",
    "BillPayment": "VendorRef APAccountRef BillPaymentEx",
    "Invoice": (
        f"{_SALE} AllowIPNPayment EInvoiceStatus ECloudStatusTimeStamp InvoiceLinkSecurityCode PaymentDetailsMessage"
        " ConvenienceFeeDetail InvoiceEx LessCIS CallToAction InvoiceStatus InvoiceStatusLog"
    ),
    "CreditMemo": f"{_SALE} RemainingCredit InvoiceRef CreditMemoEx",
    "SalesReceipt": f"{_SALE} SalesReceiptEx",
    "Payment": (
        "RemitToRef PaymentType CheckPayment CreditCardPayment OverPayment PaymentEx TaxExemptionRef DepositToAccountRef"
    ),
    "Purchase": "PaymentRefNum CheckPayment CreditCardPayment IncludeInAnnualTPAR Memo PurchaseEx",
    "Deposit": "DepositEx ClassRef Memo",
    "Transfer": "TransferEx ClassRef",
    "JournalEntry": "JournalEntryEx",
    "Customer": (
        f"{_PERSON} TaxExemptionReasonId RootCustomerRef CustomerTypeRef SalesRepRef TaxGroupCodeRef TaxRateRef CCDetail"
        " PriceLevelRef OverDueBalance TotalRevenue TotalExpense JobInfo CustomerEx SecondaryTaxIdentifier ARAccountRef"
        " PrimaryTaxIdentifier isCISContractor ClientCompanyId ClientEntityId"
    ),
    "Vendor": (
        f"{_PERSON} TaxCountry TaxIdEffectiveDate VendorTypeRef PrefillAccountRef T4AEligible T5018Eligible"
        " TDSEntityTypeId TDSSectionTypeId TDSOverrideThreshold TaxReportingBasis VendorEx isSubContractorCIS HasTPAR"
        " VendorPaymentBankDetail"
    ),
    "Account": (
        "AccountAlias TxnLocationType AccountPurposes AcctNumExtn BankNum OpeningBalance OpeningBalanceDate TaxAccount"
        " OnlineBankingEnabled FIName JournalCodeRef AccountEx"
    ),
    "Item": (
        "ItemCategoryType PercentBased RatePercent PaymentMethodRef UOMSetRef COGSAccountRef AvgCost QtyOnPurchaseOrder"
        " QtyOnSalesOrder ReorderPoint ManPartNum DepositToAccountRef SalesTaxCodeRef PurchaseTaxCodeRef BuildPoint"
        " PrintGroupedItems SpecialItem SpecialItemType ItemGroupDetail ItemAssemblyDetail AbatementRate"
        " ReverseChargeRate ServiceType TaxClassificationRef UQCDisplayText UQCId ClassRef Source DeferredRevenue ItemEx"
    ),
    "Term": "SalesTermEx",
    "CompanyInfo": (
        "EmployerId CompanyFileName FlavorStratum SampleFile CompanyUserId CompanyUserAdminEmail DefaultTimeZone"
        " MultiByteCharsSupported OtherContactInfo FYStartMonth TaxYearStartMonth QBVersion Fax CompanyURL ExternalRealmId"
        " InformationStatus CompanyEmailAddr"
    ),
    "Preferences": "VendorAndPurchasePrefs AdvancedInventoryPrefs Name Value",
}


def check_properties(kind: EntityKind, body: Body, *, behaviour: Behaviour) -> Body:
    """The body as it may be read on. The names within lines and other parts are not looked at.

    Raises:
        ServiceFault: 2010 for a property of none of these names, unless such are to be ignored, or of another type.
    """
    check_types(body)
    unknown = {name for name in body if name not in _KNOWN[kind.name] and name not in kind.fields}
    if not unknown:
        return body
    if behaviour.unknown_properties == "refuse":
        raise faults.unknown_property()
    return {name: value for name, value in body.items() if name not in unknown}


_LISTS: Final = frozenset({"Customer", "Vendor", "Account", "Item", "Term", "CompanyInfo", "Preferences"})
_KNOWN: Final = {
    entity: frozenset(f"{_ANY} {'' if entity in _LISTS else _TRANSACTION} {more}".split())
    for entity, more in _MORE.items()
}
