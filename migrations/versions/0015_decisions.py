"""Figures that somebody saw before they decided, saved scenarios, what was done with items of the tray, confirmed discounts.

Revision ID: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.mirror_tables import protect_tenant_table

revision = "0015"
down_revision = "0013"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "seen_figures",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shown_at", _AT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_seen_figures"),
    )
    op.create_index("ix_seen_figures_shown_at", "seen_figures", ["shown_at"])
    # Never changed: they are what somebody saw. They go when they are too old to decide on.
    protect_tenant_table("seen_figures", grants="SELECT, INSERT, DELETE")
    op.create_table(
        "saved_scenario",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("steps", JSONB(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("saved_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_saved_scenario"),
    )
    protect_tenant_table("saved_scenario", grants="SELECT, INSERT, DELETE")
    op.create_table(
        "tray_mark",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("set_aside", sa.Text(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("asked_at", _AT, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "item", name="pk_tray_mark"),
    )
    protect_tenant_table("tray_mark")
    op.create_table(
        "discount_term",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("terms_external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("percent", sa.Numeric(20, 5), nullable=False),
        sa.Column("discount_days", sa.Integer(), nullable=False),
        sa.Column("net_days", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("confirmed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "terms_external_id", name="pk_discount_term"),
    )
    protect_tenant_table("discount_term", grants="SELECT, INSERT, UPDATE, DELETE")
