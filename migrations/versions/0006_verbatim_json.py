"""A rail's JSON is kept as the text it came as, not taken apart.

Revision ID: 0006
"""

from migrations.mirror_storage import create_queryable, store_verbatim

revision = "0006"
down_revision = "0005"

_MIRRORS = (
    "bill", "bill_payment", "vendor", "vendor_credit",
    "invoice", "receipt", "credit_memo", "customer", "sales_receipt",
    "account", "purchase", "deposit", "bank_transfer", "journal_entry", "company_info",
)  # fmt: skip


def upgrade() -> None:
    create_queryable()
    for table in _MIRRORS:
        store_verbatim(table)
