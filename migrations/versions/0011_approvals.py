"""Approvals of bills, and what is known of invoices beyond the books: promises, disputes, write-off notes.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

from migrations.mirror_tables import protect_tenant_table

revision = "0011"
down_revision = "0010"

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "approval_policy",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("needed_from", sa.Numeric(20, 5), nullable=False),
        sa.Column("two_people_above", sa.Numeric(20, 5), nullable=True),
        sa.Column("payer_may_be_only_approver", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "version", name="pk_approval_policy"),
        sa.CheckConstraint("needed_from >= 0 AND two_people_above >= 0", name="ck_approval_policy_amounts"),
    )
    op.create_table(
        "bill_approval",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("vendor_external_id", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("remit_to", sa.Text(), nullable=True),
        sa.Column("home_amount", sa.Numeric(20, 5), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("duplicate_reason", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "bill_id", "version", name="pk_bill_approval"),
        sa.ForeignKeyConstraint(
            ["business_id", "bill_id", "version"],
            ["bill_transaction_log.business_id", "bill_transaction_log.entity_id", "bill_transaction_log.version"],
            name="fk_bill_approval_bill_transaction_log",
        ),
    )
    for table in ("approval_policy", "bill_approval"):
        protect_tenant_table(table, grants="SELECT, INSERT")
        op.execute(f"""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    _create_collection_notes()


def _create_collection_notes() -> None:
    op.create_table(
        "collection_note",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 5), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("closed_version", sa.Integer(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_because", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_collection_note"),
        *(
            sa.ForeignKeyConstraint(
                ["business_id", "invoice_id", version],
                [f"invoice_transaction_log.{name}" for name in ("business_id", "entity_id", "version")],
                name=f"fk_collection_note_{version}",
            )
            for version in ("version", "closed_version")
        ),
    )
    op.create_index("ix_collection_note_invoice", "collection_note", ["business_id", "invoice_id", "id"])
    op.create_index(
        "uq_collection_note_open",
        "collection_note",
        ["business_id", "invoice_id", "kind"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    protect_tenant_table("collection_note")
