"""The columns of detail reports by QBO's keys, and which of them a request chose."""

from typing import Final, NamedTuple

from infra.qbo.simulator.reports.rendering import Column

_TITLES: Final = {
    "tx_date": ("Date", "Date"), "txn_type": ("Transaction Type", "String"), "doc_num": ("Num", "String"),
    "name": ("Name", "String"), "vend_name": ("Vendor", "String"), "cust_name": ("Customer", "String"),
    "emp_name": ("Employee", "String"), "memo": ("Memo/Description", "String"), "split_acc": ("Split", "String"),
    "account_name": ("Account", "String"), "due_date": ("Due Date", "Date"), "past_due": ("Past Due", "String"),
    "term_name": ("Terms", "String"), "subt_nat_amount": ("Amount", "Money"), "subt_nat_amount_nt": ("Amount", "Money"),
    "rbal_nat_amount": ("Balance", "Money"), "rbal_nat_amount_nt": ("Balance", "Money"), "debt_amt": ("Debit", "Money"),
    "credit_amt": ("Credit", "Money"), "subt_amount": ("Amount", "Money"), "subt_open_bal": ("Open Balance", "Money"),
    "subt_neg_amount": ("Amount", "Money"), "subt_neg_open_bal": ("Open Balance", "Money"),
    "create_date": ("Create Date", "Date"), "last_mod_date": ("Last Modified", "Date"), "is_adj": ("Adj", "String"),
    "klass_name": ("Class", "String"), "dept_name": ("Location", "String"), "item_name": ("Product/Service", "String"),
    "create_by": ("Created By", "String"), "last_mod_by": ("Last Modified By", "String"),
    "is_ar_paid": ("A/R Paid", "String"), "is_ap_paid": ("A/P Paid", "String"), "is_cleared": ("Clr", "String"),
}  # fmt: skip


class DetailColumn(NamedTuple):
    key: str
    shown: Column


def chosen(wanted: tuple[str, ...], *, default: tuple[str, ...]) -> list[DetailColumn]:
    """In the order asked for. Keys that QBO does not know, or that the company has no use for, drop out unsaid."""
    keys = [key for key in dict.fromkeys(wanted) if key in _TITLES] or list(default)
    return [DetailColumn(key, Column(*_TITLES[key], key)) for key in keys]
