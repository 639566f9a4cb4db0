"""What was done, by time, is one probe of each log that a timeline shows.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"

_INDEX = "ix_action_transaction_log_recorded_at"


def upgrade() -> None:
    op.create_index(_INDEX, "action_transaction_log", ["business_id", "recorded_at"])
