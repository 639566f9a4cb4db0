from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO
from domains.core.past_documents import PastDocuments, PastTables


class PastPayables(PastDocuments):
    tables = PastTables(
        document=("Bill", "bill"),
        credit=("VendorCredit", "vendor_credit"),
        payment=("BillPayment", "bill_payment"),
        party="VendorRef",
    )
    specs = (BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO)
