"""What each entity is to the API: list or transaction, what it needs, what may be asked of it."""

from dataclasses import dataclass, field
from typing import Final

_COMMON: Final = "Id SyncToken MetaData domain sparse CurrencyRef"
_TXN: Final = f"{_COMMON} TxnDate PrivateNote DocNumber ExchangeRate DepartmentRef LinkedTxn Line TxnTaxDetail GlobalTaxCalculation TransactionLocationType RecurDataRef"
_SALES: Final = f"{_TXN} CustomerRef BillEmail BillAddr ShipAddr CustomerMemo PrintStatus EmailStatus ApplyTaxAfterDiscount CustomField ClassRef ProjectRef TotalAmt Balance HomeBalance HomeTotalAmt SalesTermRef TaxExemptionRef"
_NAME: Final = f"{_COMMON} DisplayName Title GivenName MiddleName FamilyName Suffix CompanyName PrintOnCheckName Active PrimaryPhone AlternatePhone Mobile Fax PrimaryEmailAddr WebAddr BillAddr Balance Source"
_TIMES: Final = "Id MetaData.CreateTime MetaData.LastUpdatedTime"


ADDRESSES: Final = frozenset(
    {"BillAddr", "ShipAddr", "RemitToAddr", "CompanyAddr", "LegalAddr", "CustomerCommunicationAddr"}
)


@dataclass(frozen=True, slots=True)
class EntityKind:
    """`filterable` holds dotted properties in QBO's spelling; `required` those of a create.

    `is_absent`: QBO has it and these books never do, so that it reads as if the company had none.
    """

    name: str
    is_name_list: bool = False
    is_transaction: bool = False
    required: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    filterable: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset({"create", "read", "update", "delete"})
    canonical: dict[str, str] = field(default_factory=dict)
    is_absent: bool = False


def _kind(
    name: str, *, fields: str, filterable: str, required: str = "", lists: bool = False, operations: str = ""
) -> EntityKind:
    allowed = operations or ("create read update" if lists else "create read update delete")
    usable = frozenset(f"{_TIMES} {filterable}".split())
    known = frozenset(fields.split()) | {part.split(".")[0] for part in usable}
    return EntityKind(
        name=name,
        is_name_list=lists,
        is_transaction=not lists and not operations,
        required=tuple(required.split()),
        fields=known,
        filterable=usable,
        operations=frozenset(allowed.split()),
        canonical={spelling.lower(): spelling for spelling in known | usable},
    )


_KINDS: Final = (
    _kind(
        "CompanyInfo",
        operations="read update",
        fields=f"{_COMMON} CompanyName LegalName CompanyAddr LegalAddr CustomerCommunicationAddr Country Email WebAddr SupportedLanguages FiscalYearStartMonth PrimaryPhone CompanyStartDate NameValue",
        filterable="CompanyName",
    ),
    _kind(
        "Preferences",
        operations="read update",
        fields=f"{_COMMON} AccountingInfoPrefs ProductAndServicesPrefs SalesFormsPrefs EmailMessagesPrefs VendorAndPurchasesPrefs TimeTrackingPrefs TaxPrefs CurrencyPrefs ReportPrefs OtherPrefs",
        filterable="",
    ),
    _kind(
        "Account",
        lists=True,
        required="Name",
        fields=f"{_COMMON} AcctNum ParentRef Description SubAccount FullyQualifiedName CurrentBalanceWithSubAccounts TaxCodeRef",
        filterable="Name Active AccountType AccountSubType Classification CurrentBalance SubAccount FullyQualifiedName",
    ),
    _kind(
        "Vendor",
        lists=True,
        fields=f"{_NAME} TermRef APAccountRef AcctNum Vendor1099 TaxIdentifier CostRate BillRate V4IDPseudonym",
        filterable="DisplayName GivenName MiddleName FamilyName CompanyName PrintOnCheckName Active Balance",
    ),
    _kind(
        "Customer",
        lists=True,
        fields=f"{_NAME} BalanceWithJobs Job ParentRef Level FullyQualifiedName BillWithParent Taxable Notes SalesTermRef PaymentMethodRef PreferredDeliveryMethod ShipAddr ResaleNum OpenBalanceDate IsProject DefaultTaxCodeRef",
        filterable="DisplayName GivenName MiddleName FamilyName CompanyName PrintOnCheckName Active Balance FullyQualifiedName Job",
    ),
    _kind(
        "Item",
        lists=True,
        required="Name",
        fields=f"{_COMMON} Description UnitPrice PurchaseDesc PurchaseCost IncomeAccountRef ExpenseAccountRef AssetAccountRef TrackQtyOnHand QtyOnHand InvStartDate Taxable SubItem ParentRef Level FullyQualifiedName PrefVendorRef SalesTaxIncluded PurchaseTaxIncluded",
        filterable="Name Active Type Sku FullyQualifiedName",
    ),
    _kind(
        "Term",
        lists=True,
        required="Name",
        fields=f"{_COMMON} Type DueDays DiscountPercent DiscountDays DayOfMonthDue DueNextMonthDays DiscountDayOfMonth",
        filterable="Name Active",
    ),
    _kind(
        "Bill",
        required="VendorRef Line",
        fields=f"{_TXN} HomeBalance IncludeInAnnualTPAR",
        filterable="TxnDate DueDate DocNumber TotalAmt Balance VendorRef APAccountRef SalesTermRef",
    ),
    _kind(
        "BillPayment",
        required="VendorRef TotalAmt PayType Line",
        fields=f"{_TXN} APAccountRef ProcessBillPayment CheckPayment CreditCardPayment",
        filterable="TxnDate DocNumber TotalAmt VendorRef PayType",
    ),
    _kind(
        "VendorCredit",
        required="VendorRef Line",
        fields=f"{_TXN} APAccountRef IncludeInAnnualTPAR",
        filterable="TxnDate DocNumber TotalAmt Balance VendorRef",
    ),
    _kind(
        "Invoice",
        required="CustomerRef Line",
        fields=f"{_SALES} Deposit DepositToAccountRef ShipDate TrackingNum ShipMethodRef DeliveryInfo InvoiceLink BillEmailCc BillEmailBcc AllowOnlinePayment AllowIPNPayment AllowOnlineCreditCardPayment AllowOnlineACHPayment TxnSource",
        filterable="TxnDate DueDate DocNumber TotalAmt Balance CustomerRef SalesTermRef",
    ),
    _kind(
        "Payment",
        required="CustomerRef TotalAmt",
        fields=f"{_TXN} UnappliedAmt ARAccountRef DepositToAccountRef PaymentMethodRef ProcessPayment CreditCardPayment ProjectRef",
        filterable="TxnDate TotalAmt CustomerRef PaymentRefNum UnappliedAmt",
    ),
    _kind(
        "CreditMemo",
        required="CustomerRef Line",
        fields=f"{_SALES} RemainingCredit InvoiceRef PaymentMethodRef",
        filterable="TxnDate DocNumber TotalAmt Balance CustomerRef RemainingCredit",
    ),
    _kind(
        "SalesReceipt",
        required="Line",
        fields=f"{_SALES} DepositToAccountRef PaymentMethodRef PaymentRefNum",
        filterable="TxnDate DocNumber TotalAmt CustomerRef DepositToAccountRef",
    ),
    _kind(
        "Purchase",
        required="PaymentType AccountRef Line",
        fields=f"{_TXN} EntityRef Credit PrintStatus PaymentMethodRef RemitToAddr PurchaseEx TotalAmt",
        filterable="TxnDate DocNumber TotalAmt PaymentType AccountRef EntityRef Credit",
    ),
    _kind(
        "Deposit",
        required="DepositToAccountRef Line",
        fields=f"{_TXN} CashBack HomeTotalAmt",
        filterable="TxnDate TotalAmt DepositToAccountRef",
    ),
    _kind(
        "Transfer",
        required="FromAccountRef ToAccountRef Amount",
        fields=_TXN,
        filterable="TxnDate Amount FromAccountRef ToAccountRef",
    ),
    _kind(
        "JournalEntry",
        required="Line",
        fields=f"{_TXN} Adjustment HomeTotalAmt TaxRateRef",
        filterable="TxnDate DocNumber TotalAmt",
    ),
)

_ABSENT: Final = tuple(
    EntityKind(name, operations=frozenset({"read"}), is_absent=True)
    for name in (
        "Attachable", "Budget", "Class", "CompanyCurrency", "CreditCardPayment", "CustomerType", "Department", "Employee",
        "Estimate", "ExchangeRate", "InventoryAdjustment", "JournalCode", "PaymentMethod", "PurchaseOrder",
        "RecurringTransaction", "RefundReceipt", "ReimburseCharge", "TaxAgency", "TaxClassification", "TaxCode", "TaxRate",
        "TimeActivity",
    )
)  # fmt: skip
NOT_IN_CHANGES: Final = frozenset({"JournalCode", "TimeActivity", "TaxAgency", "TaxCode", "TaxRate"})

ENTITY_KINDS: Final[dict[str, EntityKind]] = {kind.name: kind for kind in _KINDS}
_BY_ANY_CASE: Final = {kind.name.lower(): kind for kind in _KINDS}
_ABSENT_BY_ANY_CASE: Final = {kind.name.lower(): kind for kind in _ABSENT}

NAME_LISTS: Final = ("Account", "Term", "Item", "Vendor", "Customer")

# Ref key in a body -> (entity it points at, the group word of fault 2500).
REFERENCES: Final[dict[str, tuple[str, str]]] = {
    "VendorRef": ("Vendor", "Names"),
    "CustomerRef": ("Customer", "Names"),
    "PrefVendorRef": ("Vendor", "Names"),
    "SalesTermRef": ("Term", "Terms"),
    "TermRef": ("Term", "Terms"),
    "ItemRef": ("Item", "Items"),
    **dict.fromkeys(("AccountRef", "APAccountRef", "ARAccountRef", "DepositToAccountRef", "FromAccountRef", "ToAccountRef", "BankAccountRef", "CCAccountRef", "ItemAccountRef", "DiscountAccountRef", "IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef"), ("Account", "Accounts")),
}  # fmt: skip


def find_kind(name: str) -> EntityKind | None:
    """The entity of that name in any case, or None for one this simulator does not have."""
    return _BY_ANY_CASE.get(name.lower())


def find_absent_kind(name: str) -> EntityKind | None:
    """Of those that QBO has and no company here has anything of."""
    return _ABSENT_BY_ANY_CASE.get(name.lower())
