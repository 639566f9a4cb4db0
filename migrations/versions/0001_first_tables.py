"""The first tables: businesses and their connections, mirrors and logs, sync state, outbox.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.mirror_tables import APP_ROLE, create_functions, create_mirror, protect_tenant_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_functions()
    _create_businesses()
    _create_sync_tables()
    _create_payables()
    _create_receivables()
    _create_cash()


def _create_businesses() -> None:
    op.create_table(
        "business",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("home_currency", sa.Text(), server_default="USD", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="America/Los_Angeles", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_business"),
    )
    op.create_table(
        "api_token",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_api_token_business"),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_api_token"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_table(
        "connection",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("external_account_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_connection_business"),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_connection"),
    )
    op.create_table(
        "oauth_state",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_oauth_state_business"),
        sa.PrimaryKeyConstraint("state_hash", name="pk_oauth_state"),
    )
    op.create_index(
        "uq_connection_active_account",
        "connection",
        ["rail", "external_account_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_connection_living_rail",
        "connection",
        ["business_id", "rail"],
        unique=True,
        postgresql_where=sa.text("state <> 'disconnected'"),
    )
    # Looked up before the business is known (a token, a state, a realm): no row-level security yet.
    for table in ("business", "connection", "api_token", "oauth_state"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {APP_ROLE}")


def _create_sync_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_table(
        "rail_token",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("external_account_id", sa.Text(), nullable=False),
        sa.Column("access_token_sealed", sa.Text(), nullable=False),
        sa.Column("refresh_token_sealed", sa.Text(), nullable=False),
        sa.Column("previous_refresh_token_sealed", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refreshed_after_rejection_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("needs_reconnect_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconnect_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "rail", name="pk_rail_token"),
    )
    op.create_table(
        "sync_run",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_sync_run"),
    )
    op.create_table(
        "sync_state",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("backfill_cursor", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("backfill_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_objects", sa.Integer(), server_default="0", nullable=False),
        sa.Column("synced_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dirty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshing_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "rail", "entity", name="pk_sync_state"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["queue", "due_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index("ix_sync_run_latest", "sync_run", ["business_id", "started_at"], unique=False)
    op.create_index("ix_sync_run_running", "sync_run", ["business_id"], postgresql_where=sa.text("state = 'running'"))
    for table in ("sync_state", "sync_run", "rail_token"):
        protect_tenant_table(table)
    # Worked off across businesses; it holds ids only.
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON outbox TO {APP_ROLE}")


def _create_payables() -> None:
    create_mirror(
        "bill",
        sa.Column("vendor_external_id", sa.Text(), nullable=False),
        sa.Column("vendor_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("balance", sa.Numeric(20, 5), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("terms_external_id", sa.Text()),
        sa.Column("memo", sa.Text()),
    )
    op.create_index("ix_bill_by_vendor", "bill", ["business_id", "vendor_external_id"])
    op.create_index(
        "ix_bill_open_by_due",
        "bill",
        ["business_id", "due_on", "id"],
        postgresql_where=sa.text("deleted_at IS NULL AND balance <> 0"),
    )
    create_mirror(
        "bill_payment",
        sa.Column("vendor_external_id", sa.Text(), nullable=False),
        sa.Column("vendor_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("pay_type", sa.Text(), nullable=False),
        sa.Column("account_external_id", sa.Text()),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_bill_payment_by_day",
        "bill_payment",
        ["business_id", "paid_on"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    create_mirror(
        "vendor",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text()),
        sa.Column("balance", sa.Numeric(20, 5)),
        sa.Column("currency", sa.Text()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("terms_external_id", sa.Text()),
    )
    op.create_index(
        "ix_vendor_by_name",
        "vendor",
        ["business_id", "display_name", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    create_mirror(
        "vendor_credit",
        sa.Column("vendor_external_id", sa.Text(), nullable=False),
        sa.Column("vendor_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("balance", sa.Numeric(20, 5)),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_vendor_credit_open",
        "vendor_credit",
        ["business_id", "vendor_external_id"],
        postgresql_where=sa.text("deleted_at IS NULL AND balance <> 0"),
    )


def _create_receivables() -> None:
    create_mirror(
        "invoice",
        sa.Column("customer_external_id", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("balance", sa.Numeric(20, 5), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("terms_external_id", sa.Text()),
        sa.Column("email_status", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("memo", sa.Text()),
    )
    op.create_index("ix_invoice_by_customer", "invoice", ["business_id", "customer_external_id"])
    op.create_index(
        "ix_invoice_open_by_due",
        "invoice",
        ["business_id", "due_on", "id"],
        postgresql_where=sa.text("deleted_at IS NULL AND balance <> 0"),
    )
    create_mirror(
        "receipt",
        sa.Column("customer_external_id", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("unapplied", sa.Numeric(20, 5)),
        sa.Column("deposit_to_account_external_id", sa.Text()),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_receipt_by_day", "receipt", ["business_id", "received_on"], postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_index(
        "ix_receipt_unapplied",
        "receipt",
        ["business_id", "customer_external_id"],
        postgresql_where=sa.text("deleted_at IS NULL AND unapplied <> 0"),
    )
    create_mirror(
        "credit_memo",
        sa.Column("customer_external_id", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("balance", sa.Numeric(20, 5)),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_credit_memo_open",
        "credit_memo",
        ["business_id", "customer_external_id"],
        postgresql_where=sa.text("deleted_at IS NULL AND balance <> 0"),
    )
    create_mirror(
        "customer",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text()),
        sa.Column("parent_external_id", sa.Text()),
        sa.Column("balance", sa.Numeric(20, 5)),
        sa.Column("balance_with_jobs", sa.Numeric(20, 5)),
        sa.Column("currency", sa.Text()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("terms_external_id", sa.Text()),
    )
    op.create_index(
        "ix_customer_by_name",
        "customer",
        ["business_id", "display_name", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    create_mirror(
        "sales_receipt",
        sa.Column("customer_external_id", sa.Text()),
        sa.Column("customer_name", sa.Text()),
        sa.Column("doc_number", sa.Text()),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("deposit_to_account_external_id", sa.Text()),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_sales_receipt_by_day",
        "sales_receipt",
        ["business_id", "sold_on"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _create_cash() -> None:
    create_mirror(
        "account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fully_qualified_name", sa.Text()),
        sa.Column("account_type", sa.Text(), nullable=False),
        sa.Column("account_subtype", sa.Text()),
        sa.Column("classification", sa.Text()),
        sa.Column("parent_external_id", sa.Text()),
        sa.Column("current_balance", sa.Numeric(20, 5)),
        sa.Column("currency", sa.Text()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
    )
    op.create_index(
        "ix_account_by_name", "account", ["business_id", "name", "id"], postgresql_where=sa.text("deleted_at IS NULL")
    )
    create_mirror(
        "purchase",
        sa.Column("spent_on", sa.Date(), nullable=False),
        sa.Column("payment_type", sa.Text(), nullable=False),
        sa.Column("account_external_id", sa.Text(), nullable=False),
        sa.Column("is_credit", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("doc_number", sa.Text()),
        sa.Column("entity_type", sa.Text()),
        sa.Column("entity_external_id", sa.Text()),
        sa.Column("entity_name", sa.Text()),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_purchase_by_day", "purchase", ["business_id", "spent_on"], postgresql_where=sa.text("deleted_at IS NULL")
    )
    create_mirror(
        "deposit",
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("account_external_id", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(20, 5), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_deposit_by_day", "deposit", ["business_id", "deposited_on"], postgresql_where=sa.text("deleted_at IS NULL")
    )
    create_mirror(
        "bank_transfer",
        sa.Column("transferred_on", sa.Date(), nullable=False),
        sa.Column("from_account_external_id", sa.Text(), nullable=False),
        sa.Column("to_account_external_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 5), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_bank_transfer_by_day",
        "bank_transfer",
        ["business_id", "transferred_on"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    create_mirror(
        "journal_entry",
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.Column("doc_number", sa.Text()),
        sa.Column("total", sa.Numeric(20, 5)),
        sa.Column("is_adjustment", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("exchange_rate", sa.Numeric(28, 10)),
        sa.Column("memo", sa.Text()),
    )
    op.create_index(
        "ix_journal_entry_by_day",
        "journal_entry",
        ["business_id", "entered_on"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    create_mirror(
        "company_info",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text()),
        sa.Column("country", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("fiscal_year_start_month", sa.Integer()),
    )
