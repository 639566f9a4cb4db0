"""What was known on the Mondays that a forecast is compared with; the weekly digest: its settings, what was asked for, and who got it.

Revision ID: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infra.db.roles import JOBS
from migrations.mirror_tables import let_see_all, protect_tenant_table

revision = "0017"
down_revision = "0018"

_AT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "forecast_standpoint",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", _AT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "as_of", name="pk_forecast_standpoint"),
    )
    # Never rewritten; it goes when it is too old to be compared with.
    protect_tenant_table("forecast_standpoint", grants="SELECT, INSERT, DELETE")
    _create_settings()
    _create_sends()


def _create_settings() -> None:
    op.create_table(
        "digest_setting",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("recipients", JSONB(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("set_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "version", name="pk_digest_setting"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6 AND hour BETWEEN 0 AND 23", name="ck_digest_setting_hour"),
    )
    protect_tenant_table("digest_setting", grants="SELECT, INSERT")
    op.execute("""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON digest_setting FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON digest_setting FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    # The hourly job looks for those who switched it on; it sees no more of them.
    let_see_all("digest_setting", JOBS, grants="SELECT (business_id, version, is_on)")


def _create_sends() -> None:
    op.create_table(
        "digest_ask",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("outcomes", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_digest_ask"),
    )
    op.create_index("ix_digest_ask_id", "digest_ask", ["id"])
    op.create_table(
        "digest_send",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("ask_id", sa.Uuid(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("claimed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("business_id", "week_on", "user_id", name="pk_digest_send"),
        sa.CheckConstraint("extract(isodow from week_on) = 1", name="ck_digest_send_monday"),
        sa.ForeignKeyConstraint(
            ["business_id", "ask_id"], ["digest_ask.business_id", "digest_ask.id"], name="fk_digest_send_digest_ask"
        ),
    )
    protect_tenant_table("digest_ask", grants="SELECT, INSERT, UPDATE (finished_at, why, outcomes)")
    # What somebody got cannot be taken back, and so not be sent again.
    protect_tenant_table("digest_send", grants="SELECT, INSERT")
    op.execute("""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON digest_send FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON digest_send FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    # A letter may have a page and papers beside its text: sealed and forgotten like it.
    op.add_column("mail", sa.Column("html_sealed", sa.Text(), nullable=True))
