"""Each Monday's forecast as it was made, never rewritten, and what its weeks brought.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.mirror_tables import protect_tenant_table

revision = "0014"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "frozen_forecast",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("frozen_on", sa.Date(), nullable=False),
        sa.Column("weeks", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("business_id", "frozen_on", name="pk_frozen_forecast"),
        sa.CheckConstraint("extract(isodow from frozen_on) = 1", name="ck_frozen_forecast_monday"),
    )
    op.create_table(
        "forecast_result",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("frozen_on", sa.Date(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("receipts", sa.Numeric(20, 5), nullable=False),
        sa.Column("disbursements", sa.Numeric(20, 5), nullable=False),
        sa.Column("closing", sa.Numeric(20, 5), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "frozen_on", "week", name="pk_forecast_result"),
        sa.ForeignKeyConstraint(
            ["business_id", "frozen_on"],
            ["frozen_forecast.business_id", "frozen_forecast.frozen_on"],
            name="fk_forecast_result_frozen_forecast",
        ),
    )
    protect_tenant_table("frozen_forecast", grants="SELECT, INSERT")
    protect_tenant_table("forecast_result")
    op.execute("""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON frozen_forecast FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON frozen_forecast FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
