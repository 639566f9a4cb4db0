"""How QBO's payables fill our rows. Pure; every own column is set every time."""

from domains.ap.models import (
    Bill,
    BillPayment,
    BillPaymentTransactionLog,
    BillTransactionLog,
    PayType,
    Vendor,
    VendorCredit,
    VendorCreditTransactionLog,
    VendorTransactionLog,
)
from infra.config import Rail
from infra.errors import UnknownRailValue
from infra.qbo.wire import QBOBill, QBOBillPayment, QBOVendor, QBOVendorCredit, Ref
from infra.sync.spec import MirrorSpec


def fill_bill(row: Bill, wire: QBOBill) -> None:
    row.vendor_external_id = wire.vendor_ref.value
    row.vendor_name = wire.vendor_ref.name
    row.doc_number = wire.doc_number
    row.issued_on = wire.txn_date
    row.due_on = wire.due_date
    row.total = wire.total_amt
    row.balance = wire.balance
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.terms_external_id = wire.sales_term_ref.value if wire.sales_term_ref else None
    row.memo = wire.private_note


def fill_bill_payment(row: BillPayment, wire: QBOBillPayment) -> None:
    pay_type, account = _paid_from(wire)
    row.vendor_external_id = wire.vendor_ref.value
    row.vendor_name = wire.vendor_ref.name
    row.doc_number = wire.doc_number
    row.paid_on = wire.txn_date
    row.total = wire.total_amt
    row.pay_type = pay_type.value
    row.account_external_id = account.value if account else None
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


def _paid_from(wire: QBOBillPayment) -> tuple[PayType, Ref | None]:
    match wire.pay_type:
        case "Check":
            return PayType.CHECK, wire.check_payment.bank_account_ref if wire.check_payment else None
        case "CreditCard":
            return PayType.CREDIT_CARD, wire.credit_card_payment.cc_account_ref if wire.credit_card_payment else None
        case unknown:
            raise UnknownRailValue("BillPayment.PayType", unknown)


def fill_vendor(row: Vendor, wire: QBOVendor) -> None:
    row.display_name = wire.display_name
    row.company_name = wire.company_name
    row.balance = wire.balance
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.is_active = wire.active
    row.email = wire.primary_email_addr.address if wire.primary_email_addr else None
    row.phone = wire.primary_phone.free_form_number if wire.primary_phone else None
    row.terms_external_id = wire.term_ref.value if wire.term_ref else None


def fill_vendor_credit(row: VendorCredit, wire: QBOVendorCredit) -> None:
    row.vendor_external_id = wire.vendor_ref.value
    row.vendor_name = wire.vendor_ref.name
    row.doc_number = wire.doc_number
    row.issued_on = wire.txn_date
    row.total = wire.total_amt
    row.balance = wire.balance
    row.currency = wire.currency_ref.value if wire.currency_ref else None
    row.exchange_rate = wire.exchange_rate
    row.memo = wire.private_note


BILLS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Bill", wire=QBOBill, mirror=Bill, log=BillTransactionLog, fill=fill_bill
)
BILL_PAYMENTS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="BillPayment",
    wire=QBOBillPayment,
    mirror=BillPayment,
    log=BillPaymentTransactionLog,
    fill=fill_bill_payment,
)
VENDORS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO, entity="Vendor", wire=QBOVendor, mirror=Vendor, log=VendorTransactionLog, fill=fill_vendor
)
VENDOR_CREDITS_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="VendorCredit",
    wire=QBOVendorCredit,
    mirror=VendorCredit,
    log=VendorCreditTransactionLog,
    fill=fill_vendor_credit,
)
