"""What keeps the mirror honest: the company's preferences, scans that go on where they were cut off, counts beside the freshness.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations.mirror_tables import create_sealed_mirror, protect_tenant_table

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_sealed_mirror(
        "company_preferences",
        sa.Column("home_currency", sa.Text(), nullable=True),
        sa.Column("is_multicurrency", sa.Boolean(), nullable=False),
        sa.Column("book_close_on", sa.Date(), nullable=True),
        sa.Column("fiscal_year_start_month", sa.Integer(), nullable=True),
    )
    op.add_column("quarantined_object", sa.Column("rail_version", sa.BigInteger(), nullable=True))
    op.add_column("quarantined_object", sa.Column("rail_updated_at", sa.DateTime(timezone=True), nullable=True))
    for count in ("quarantined", "open_drift"):
        op.add_column("sync_state", sa.Column(count, sa.Integer(), server_default="0", nullable=False))
    op.add_column("sync_state", sa.Column("rescan_reason", sa.Text(), nullable=True))
    _create_scans()


def _create_scans() -> None:
    op.create_table(
        "entity_scan",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cursor", JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("differing", sa.Integer(), server_default="0", nullable=False),
        sa.Column("walked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "rail", "entity", "purpose", name="pk_entity_scan"),
    )
    op.create_table(
        "entity_scan_page",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("external_ids", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "scan_id", "page", name="pk_entity_scan_page"),
    )
    for table in ("entity_scan", "entity_scan_page"):
        protect_tenant_table(table, grants="SELECT, INSERT, UPDATE, DELETE")
