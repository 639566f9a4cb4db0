"""Firms, people, sessions, tokens, the access log; login roles a purpose each; row-level security wherever a business is named.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.db.roles import ACCESS, APP, JOBS
from infra.sync.shapes import Xid8
from migrations.mirror_tables import BUSINESSES_OF_THE_TRANSACTION, let_see_all, protect_tenant_table

revision = "0003"
down_revision = "0001"

_OLD_TOKENS_MAY = [
    "books.read", "books.sync", "connection.manage", "bills.approve", "payments.execute", "reminders.send",
    "settings.manage", "members.manage", "tokens.manage", "audit.read", "audit.export",
]  # fmt: skip


def upgrade() -> None:
    _create_people()
    _create_sessions()
    _move_tokens()
    _create_access_log()
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body_sealed", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
    )
    op.add_column("oauth_state", sa.Column("session_hash", sa.LargeBinary(), nullable=True))
    op.add_column("outbox", sa.Column("business_id", sa.Uuid(), nullable=True))
    _divide_rights()


def _create_people() -> None:
    op.create_table(
        "firm",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_firm"),
    )
    op.add_column("business", sa.Column("firm_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_business_firm", "business", "firm", ["firm_id"], ["id"])
    op.create_index("ix_business_firm_id", "business", ["firm_id"])
    op.create_table(
        "app_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret_sealed", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_app_user"),
        sa.UniqueConstraint("email", name="uq_app_user_email"),
    )
    op.create_table(
        "membership",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("approval_limit", sa.Numeric(20, 5), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'approver', 'bookkeeper', 'viewer')", name="ck_membership_role"),
        sa.CheckConstraint("approval_limit >= 0", name="ck_membership_approval_limit"),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_membership_business"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_membership_app_user"),
        sa.PrimaryKeyConstraint("business_id", "user_id", name="pk_membership"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "firm_admin",
        sa.Column("firm_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name="fk_firm_admin_firm"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_firm_admin_app_user"),
        sa.PrimaryKeyConstraint("firm_id", "user_id", name="pk_firm_admin"),
    )
    op.create_index("ix_firm_admin_user_id", "firm_admin", ["user_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=True),
        sa.Column("firm_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("approval_limit", sa.Numeric(20, 5), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(business_id IS NULL) <> (firm_id IS NULL)", name="ck_invitation_one_place"),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_invitation_business"),
        sa.ForeignKeyConstraint(["firm_id"], ["firm.id"], name="fk_invitation_firm"),
        sa.ForeignKeyConstraint(["invited_by"], ["app_user.id"], name="fk_invitation_app_user"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("token_hash", name="uq_invitation_token_hash"),
    )
    op.create_index("ix_invitation_business_id", "invitation", ["business_id"])
    op.create_index("ix_invitation_firm_id", "invitation", ["firm_id"])


def _create_sessions() -> None:
    op.create_table(
        "user_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("factor_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_user_session_app_user"),
        sa.PrimaryKeyConstraint("id", name="pk_user_session"),
        sa.UniqueConstraint("token_hash", name="uq_user_session_token_hash"),
    )
    op.create_index("ix_user_session_user_id", "user_session", ["user_id"])
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_recovery_code_app_user"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_code"),
    )
    op.create_table(
        "password_reset",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_password_reset_app_user"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_password_reset"),
    )
    op.create_index("ix_password_reset_user_id", "password_reset", ["user_id"])


def _move_tokens() -> None:
    """A token may open several businesses and has permissions of its own; those made before keep opening their one, with all."""
    op.execute("ALTER TABLE api_token RENAME TO old_api_token")
    for name, new in (("pk_api_token", "pk_old_api_token"), ("uq_api_token_token_hash", "uq_old_api_token_token_hash")):
        op.execute(f"ALTER TABLE old_api_token RENAME CONSTRAINT {name} TO {new}")
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_api_token_app_user"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])
    op.create_table(
        "api_token_business",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_api_token_business_business"),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name="fk_api_token_business_api_token"),
        sa.PrimaryKeyConstraint("business_id", "token_id", name="pk_api_token_business"),
    )
    op.create_index("ix_api_token_business_token_id", "api_token_business", ["token_id"])
    op.create_table(
        "api_token_use",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name="fk_api_token_use_api_token"),
        sa.PrimaryKeyConstraint("token_id", "used_on", "address", name="pk_api_token_use"),
    )
    may = ", ".join(f"'{permission}'" for permission in _OLD_TOKENS_MAY)
    op.execute(f"""
INSERT INTO api_token (id, name, token_hash, permissions, created_at, expires_at, revoked_at, last_used_at)
SELECT id, name, token_hash, ARRAY[{may}], created_at, expires_at, revoked_at, last_used_at FROM old_api_token;
INSERT INTO api_token_business (business_id, token_id) SELECT business_id, id FROM old_api_token;
DROP TABLE old_api_token;
""")  # noqa: S608  # the words are ours


def _create_access_log() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("tx_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["business.id"], name="fk_access_log_business"),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
    )
    op.create_index("ix_access_log_business_id", "access_log", ["business_id", "id"])
    op.create_index(
        "ix_access_log_user_id", "access_log", ["user_id", "id"], postgresql_where=sa.text("business_id IS NULL")
    )
    op.execute("""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON access_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON access_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")


def _divide_rights() -> None:
    """The application sees the businesses of its transaction; the door and the queue see across them, and no books."""
    op.execute(f"REVOKE ALL ON business, connection, oauth_state, outbox FROM {APP}")
    seen = BUSINESSES_OF_THE_TRANSACTION.format(column="id")
    op.execute("ALTER TABLE business ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE business FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY businesses_of_the_transaction ON business USING ({seen}) WITH CHECK ({seen})")
    op.execute(f"GRANT SELECT ON business TO {APP}")
    op.execute(f"GRANT UPDATE (name, home_currency, time_zone) ON business TO {APP}")
    protect_tenant_table("connection")
    protect_tenant_table("oauth_state", grants="SELECT, INSERT")
    protect_tenant_table("outbox", grants="SELECT, INSERT")
    for table in ("invitation", "membership", "api_token_business", "access_log"):
        protect_tenant_table(table, grants=None)

    let_see_all("business", ACCESS, grants="SELECT, INSERT, UPDATE")
    let_see_all("oauth_state", ACCESS, grants="SELECT, UPDATE")
    let_see_all("invitation", ACCESS, grants="SELECT, INSERT, UPDATE")
    let_see_all("membership", ACCESS, grants="SELECT, INSERT, UPDATE, DELETE")
    let_see_all("api_token_business", ACCESS, grants="SELECT, INSERT")
    columns = "business_id, user_id, event, actor, address, request_id, details"
    let_see_all("access_log", ACCESS, grants=f"SELECT, INSERT ({columns})")
    for table in ("firm", "app_user", "user_session", "recovery_code", "password_reset", "api_token", "mail"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {ACCESS}")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON firm_admin, api_token_use TO {ACCESS}")
    op.execute(f"GRANT DELETE ON recovery_code TO {ACCESS}")
    # A letter is asked for at the door, in nobody's name.
    op.execute(f"CREATE POLICY asked_at_the_door ON outbox TO {ACCESS} USING (business_id IS NULL)")
    op.execute(f"GRANT SELECT, INSERT ON outbox TO {ACCESS}")

    let_see_all("outbox", JOBS, grants="SELECT, INSERT, UPDATE, DELETE")
    let_see_all("business", JOBS, grants="SELECT")
    let_see_all("connection", JOBS, grants="SELECT")
    let_see_all("sync_state", JOBS, grants="SELECT")
