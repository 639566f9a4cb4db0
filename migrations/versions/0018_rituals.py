"""The weekly ritual, whose a business is, and what is kept for the list of businesses.

Revision ID: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.mirror_tables import protect_tenant_table

revision = "0018"
down_revision = "0015"

_AT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _create_logs()
    _create_what_is_kept()
    # When anything of a business's approvals last changed is one probe of it.
    op.create_index("ix_bill_approval_recorded_at", "bill_approval", ["business_id", "recorded_at"])


def _create_logs() -> None:
    op.create_table(
        "ritual_event",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("step", "outcome", "note")),
        sa.Column("figures", JSONB(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", _AT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "week_on", "version", name="pk_ritual_event"),
        sa.CheckConstraint("extract(isodow from week_on) = 1", name="ck_ritual_event_monday"),
    )
    op.create_index(
        "uq_ritual_event_finished",
        "ritual_event",
        ["business_id", "week_on"],
        unique=True,
        postgresql_where=sa.text("kind = 'finished'"),
    )
    op.create_table(
        "business_assignee",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("set_at", _AT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "version", name="pk_business_assignee"),
    )
    for table in ("ritual_event", "business_assignee"):
        protect_tenant_table(table, grants="SELECT, INSERT")
        op.execute(f"""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")


def _create_what_is_kept() -> None:
    op.create_table(
        "kept_tray",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("counted_at", _AT, nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", name="pk_kept_tray"),
    )
    op.create_table(
        "kept_week",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", _AT, nullable=False),
        sa.Column("summary", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "week_on", name="pk_kept_week"),
        sa.CheckConstraint("extract(isodow from week_on) = 1", name="ck_kept_week_monday"),
    )
    for table in ("kept_tray", "kept_week"):
        protect_tenant_table(table)
