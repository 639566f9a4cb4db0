"""What people decide about the forecast, and the forecast that was worked out last.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from infra.db.roles import JOBS
from migrations.mirror_tables import let_see_all, protect_tenant_table

revision = "0013"
down_revision = "0014"

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _create_settings()
    _create_document_rule(
        "expected_date",
        "invoice",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
    )
    _create_document_rule("bill_mark", "bill", sa.Column("kind", sa.Text(), nullable=False))
    _create_kept()
    # What tells whether the books have changed is asked with every answer.
    op.create_index(
        "ix_sync_run_changed",
        "sync_run",
        ["business_id", "finished_at"],
        postgresql_where=sa.text("changed > 0 OR state = 'failed'"),
    )
    op.create_index(
        "ix_action_intent_settled",
        "action_intent",
        ["business_id", "settled_at"],
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )


def _create_settings() -> None:
    op.create_table(
        "runway_settings",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("floor_amount", sa.Numeric(20, 5), nullable=True),
        sa.Column("floor_days", sa.Integer(), nullable=True),
        sa.Column("counted_accounts", ARRAY(sa.Text()), nullable=False),
        sa.Column("uncounted_accounts", ARRAY(sa.Text()), nullable=False),
        sa.Column("filing_day", sa.Integer(), nullable=True),
        sa.Column("counts_owner_draws", sa.Boolean(), nullable=False),
        sa.Column("counts_uninvoiced_sales", sa.Boolean(), nullable=True),
        sa.Column("counts_to_come", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "version", name="pk_runway_settings"),
        sa.CheckConstraint("floor_amount IS NULL OR floor_days IS NULL", name="ck_runway_settings_one_floor"),
        sa.CheckConstraint("floor_amount >= 0 AND floor_days >= 0", name="ck_runway_settings_floor"),
        sa.CheckConstraint("filing_day BETWEEN 1 AND 31", name="ck_runway_settings_filing_day"),
    )
    protect_tenant_table("runway_settings", grants="SELECT, INSERT")
    op.execute("""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON runway_settings FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON runway_settings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")


def _create_document_rule(table: str, document: str, *own_columns: sa.Column[object]) -> None:
    """What was said of one bill or invoice: at most one a document holds, and each has its row in the document's log."""
    op.create_table(
        table,
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(f"{document}_id", sa.Uuid(), nullable=False),
        *own_columns,
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("ended_version", sa.Integer(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name=f"pk_{table}"),
        *(
            sa.ForeignKeyConstraint(
                ["business_id", f"{document}_id", version],
                [f"{document}_transaction_log.{name}" for name in ("business_id", "entity_id", "version")],
                name=f"fk_{table}_{version}",
            )
            for version in ("version", "ended_version")
        ),
    )
    op.create_index(
        f"uq_{table}_held",
        table,
        ["business_id", f"{document}_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    protect_tenant_table(table)


def _create_kept() -> None:
    op.create_table(
        "kept_forecast",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", JSONB(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", name="pk_kept_forecast"),
    )
    op.create_index("ix_kept_forecast_day_ends_at", "kept_forecast", ["day_ends_at"])
    protect_tenant_table("kept_forecast")
    let_see_all("kept_forecast", JOBS, grants="SELECT")
