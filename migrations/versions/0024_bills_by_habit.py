"""A business may have its bills forecast by how late it usually pays.

Revision ID: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    # The default is for the rows there are, and for a process of the release before, which names no such column.
    op.add_column(
        "runway_settings", sa.Column("bills_by_habit", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
