"""Bills that look alike are found by an index, whatever the case of their numbers.

Under row-level security an index is used for what cannot leak: `lower(doc_number) =` could, a column of its own cannot. An index's
entry may not be longer than a third of a page; nobody's number is.

Revision ID: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    # Writes each bill anew, once.
    op.add_column(
        "bill", sa.Column("number_folded", sa.Text(), sa.Computed("left(lower(doc_number), 200)", persisted=True))
    )
    op.drop_index("ix_bill_by_vendor", "bill")
    op.create_index("ix_bill_by_vendor", "bill", ["business_id", "vendor_external_id", "number_folded", "issued_on"])
    op.execute("ANALYZE bill")
