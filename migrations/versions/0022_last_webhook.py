"""When a rail last announced a change of an entity, for whoever looks at how the books are kept in step.

Revision ID: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("sync_state", sa.Column("last_webhook_at", sa.DateTime(timezone=True), nullable=True))
