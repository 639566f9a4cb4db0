from domains.ar.mirrors import CREDIT_MEMOS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO
from domains.core.past_documents import PastDocuments, PastTables


class PastReceivables(PastDocuments):
    tables = PastTables(
        document=("Invoice", "invoice"),
        credit=("CreditMemo", "credit_memo"),
        payment=("Payment", "receipt"),
        party="CustomerRef",
    )
    specs = (CREDIT_MEMOS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO)
