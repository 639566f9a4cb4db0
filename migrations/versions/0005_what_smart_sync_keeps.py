"""What keeps the mirrors fresh by themselves: leases, activity, cache, call counts, announcements, quarantine, drift, notices.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON, JSONB

from infra.db.roles import ACCESS, APP, JOBS
from migrations.mirror_tables import let_see_all, protect_tenant_table

revision = "0005"
down_revision = "0004"

_NOW = sa.text("clock_timestamp()")


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.drop_column("sync_state", "refreshing_until")
    op.drop_column("sync_state", "refreshing_by")
    _create_refreshing()
    _create_counting()
    _create_watching()
    _create_webhook_events()
    for table in (
        "refresh_lease",
        "business_activity",
        "rail_call_count",
        "quarantined_object",
        "drift_item",
        "notice",
    ):
        protect_tenant_table(table)
    protect_tenant_table("sync_cache", grants="SELECT, INSERT, UPDATE, DELETE")
    for table in (
        "refresh_lease",
        "business_activity",
        "rail_call_count",
        "quarantined_object",
        "drift_item",
        "notice",
    ):
        let_see_all(table, JOBS, grants="SELECT")
    # Old rows go: what a run did is in the logs, and the queue keeps what failed.
    let_see_all("sync_run", JOBS, grants="SELECT, DELETE")
    let_see_all("oauth_state", JOBS, grants="SELECT, DELETE")
    op.execute(f"GRANT DELETE ON user_session, password_reset, mail TO {ACCESS}")


def _create_refreshing() -> None:
    op.create_table(
        "refresh_lease",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        _instant("began_at"),
        _instant("leased_until"),
        _instant("finished_at", nullable=True),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _instant("next_attempt_at", nullable=True),
        sa.PrimaryKeyConstraint("business_id", "rail", name="pk_refresh_lease"),
    )
    op.create_table(
        "business_activity",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        _instant("last_active_at"),
        sa.PrimaryKeyConstraint("business_id", name="pk_business_activity"),
    )
    op.create_table(
        "sync_cache",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", JSONB(astext_type=sa.Text()), nullable=False),
        _instant("asked_at"),
        _instant("expires_at"),
        sa.PrimaryKeyConstraint("business_id", "rail", "key", name="pk_sync_cache"),
    )


def _create_counting() -> None:
    op.create_table(
        "rail_call_count",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("is_metered", sa.Boolean(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "rail", "day", "feature", "is_metered", name="pk_rail_call_count"),
    )


def _create_watching() -> None:
    op.create_table(
        "quarantined_object",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", JSON(astext_type=sa.Text()), nullable=False),
        _instant("first_seen_at"),
        _instant("last_seen_at"),
        _instant("resolved_at", nullable=True),
        sa.PrimaryKeyConstraint("business_id", "rail", "entity", "external_id", name="pk_quarantined_object"),
    )
    op.create_table(
        "drift_item",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("size", sa.Numeric(20, 5), nullable=True),
        sa.Column("details", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        _instant("found_at"),
        _instant("repaired_at", nullable=True),
        sa.Column("repair_request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_drift_item"),
    )
    op.create_index("ix_drift_item_found_at", "drift_item", ["business_id", "found_at"])
    op.create_index(
        "ix_drift_item_open",
        "drift_item",
        ["business_id", "kind", "entity"],
        postgresql_where=sa.text("repaired_at IS NULL"),
    )
    op.create_table(
        "notice",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("details", JSONB(astext_type=sa.Text()), nullable=False),
        _instant("raised_at"),
        _instant("last_raised_at"),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        _instant("seen_at", nullable=True),
        _instant("mailed_at", nullable=True),
        _instant("resolved_at", nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_notice"),
    )
    op.create_index(
        "uq_notice_open",
        "notice",
        ["business_id", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("ix_notice_raised_at", "notice", ["business_id", "raised_at"])


def _create_webhook_events() -> None:
    op.create_table(
        "webhook_event",
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("external_account_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        _instant("occurred_at", nullable=True),
        sa.Column("details", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        _instant("done_at", nullable=True),
        sa.PrimaryKeyConstraint("rail", "event_key", name="pk_webhook_event"),
    )
    op.create_index(
        "ix_webhook_event_waiting",
        "webhook_event",
        ["rail", "external_account_id"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.execute(f"REVOKE ALL ON webhook_event FROM {APP}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_event TO {JOBS}")
