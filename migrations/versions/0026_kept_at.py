"""What comes into the mirrors is noted beside their state: whoever worked something out from the books sees that they are others.

Revision ID: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("sync_state", sa.Column("kept_at", sa.DateTime(timezone=True)))
