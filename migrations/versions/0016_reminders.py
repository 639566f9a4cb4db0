"""Reminders: a business's steps, what counts for a customer instead, the steps that were taken; and a letter's own sender.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infra.db.roles import JOBS
from migrations.mirror_tables import let_see_all, protect_tenant_table

revision = "0016"
down_revision = "0012"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_rules()
    _create_levels()
    op.add_column("mail", sa.Column("from_name", sa.Text(), nullable=True))
    op.add_column("mail", sa.Column("reply_to", sa.Text(), nullable=True))


def _set_by() -> list[sa.Column[object]]:
    return [
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
    ]


def _create_rules() -> None:
    op.create_table(
        "reminder_policy",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("levels", JSONB(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("quiet_days", "send_from", "send_until")),
        sa.Column("on_weekends", sa.Boolean(), nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        *_set_by(),
        sa.PrimaryKeyConstraint("business_id", "version", name="pk_reminder_policy"),
    )
    op.create_table(
        "customer_reminder",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_excluded", sa.Boolean(), nullable=False),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("levels", JSONB(), nullable=True),
        sa.Column("send_to", sa.Text(), nullable=True),
        *_set_by(),
        sa.PrimaryKeyConstraint("business_id", "customer_id", "version", name="pk_customer_reminder"),
    )
    for table in ("reminder_policy", "customer_reminder"):
        protect_tenant_table(table, grants="SELECT, INSERT")
        op.execute(f"""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    # The hourly job looks for those who switched it on; it sees no more of them.
    let_see_all("reminder_policy", JOBS, grants="SELECT (business_id, version, is_on)")


def _create_levels() -> None:
    op.create_table(
        "reminder_level",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("is_mailed", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "invoice_id", "level", name="pk_reminder_level"),
        sa.ForeignKeyConstraint(
            ["business_id", "intent_id"],
            ["action_intent.business_id", "action_intent.id"],
            name="fk_reminder_level_action_intent",
        ),
    )
    op.create_index(
        "ix_reminder_level_open",
        "reminder_level",
        ["business_id", "intent_id"],
        postgresql_where=sa.text("is_mailed IS NULL"),
    )
    protect_tenant_table("reminder_level", grants="SELECT, INSERT, UPDATE (intent_id, asked_on, is_mailed)")
    # What a customer has got cannot be taken back, and so not be sent again.
    op.execute("""
CREATE TRIGGER mailed_stays BEFORE UPDATE ON reminder_level
  FOR EACH ROW WHEN (OLD.is_mailed) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON reminder_level FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON reminder_level FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
