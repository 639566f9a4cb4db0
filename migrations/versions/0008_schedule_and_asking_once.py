"""Jobs of which one at a time waits, and when each entry of the schedule last came round.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

from infra.db.roles import APP, JOBS

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("asked_again", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "uq_outbox_living_key",
        "outbox",
        ["business_id", "job", "key"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("key IS NOT NULL AND finished_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index("ix_outbox_dead", "outbox", ["dead_at"], postgresql_where=sa.text("dead_at IS NOT NULL"))
    op.create_table(
        "cron_tick",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_cron_tick"),
    )
    op.execute(f"REVOKE ALL ON cron_tick FROM {APP}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON cron_tick TO {JOBS}")
