"""What the database itself enforces on tenants' tables, mirrors and logs. Migrations call these; a change here is a new migration too.

The invariants are DESIGN's section on mirror and log; tests try to break each of them as the application's role.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infra.db.roles import SEALER
from infra.sync.shapes import Xid8
from migrations.mirror_storage import store_verbatim

APP_ROLE = "oodaloo_app"

# NULLIF because a setting that was set once reads as an empty string in later transactions; unset sees no row. The setting is
# read once a statement (a sub-select), and the comparison is hidden from index matching (coalesce): as an index condition of
# unknown length it made the planner read a whole business by another index than the one the query's own conditions name.
BUSINESSES_OF_THE_TRANSACTION = (
    "coalesce({column} = ANY ((SELECT NULLIF(current_setting('app.business_ids', true), '')::uuid[])::uuid[]), false)"
)

_FUNCTIONS = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: the log only grows', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: set deleted_at through mirror_store', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION require_next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version IS DISTINCT FROM OLD.version + 1 THEN
    RAISE EXCEPTION 'a change of % must raise version from % to %, not to %',
      TG_TABLE_NAME, OLD.version, OLD.version + 1, NEW.version USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.business_id, NEW.id, NEW.rail, NEW.external_id) IS DISTINCT FROM (OLD.business_id, OLD.id, OLD.rail, OLD.external_id) THEN
    RAISE EXCEPTION 'a row of % keeps its identity', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""


def create_functions() -> None:
    op.execute(_FUNCTIONS)


def protect_tenant_table(table: str, *, grants: str | None = "SELECT, INSERT, UPDATE") -> None:
    """Force row-level security, keyed by the transaction's `app.business_ids`, and grant the application what it needs, if anything."""
    seen = BUSINESSES_OF_THE_TRANSACTION.format(column="business_id")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY businesses_of_the_transaction ON {table} USING ({seen}) WITH CHECK ({seen})")
    if grants:
        op.execute(f"GRANT {grants} ON {table} TO {APP_ROLE}")


def let_see_all(table: str, role: str, *, grants: str) -> None:
    """Let a role that works across businesses see every row of this table."""
    op.execute(f"CREATE POLICY {role}_sees_all ON {table} TO {role} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT {grants} ON {table} TO {role}")


def seal_log(log: str) -> None:
    """Let the sealer read this log, and find what ended since its last round by an index probe.

    A btree by the transaction's id: a page's thousand rows share one, so it grows by some ten bytes a row at its right end.
    """
    op.create_index(f"ix_{log}_tx_xid", log, ["tx_xid"])
    let_see_all(log, SEALER, grants="SELECT")


def create_mirror(table: str, *own_columns: sa.Column[Any]) -> None:
    """Create a mirror, its log, and everything that holds them to their invariants."""
    log = f"{table}_transaction_log"
    _create_log(log)
    op.create_table(
        table,
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rail_version", sa.BigInteger()),
        sa.Column("rail_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        *own_columns,
        sa.PrimaryKeyConstraint("business_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint("business_id", "rail", "external_id", name=f"uq_{table}_business_id_rail_external_id"),
        sa.ForeignKeyConstraint(
            ["business_id", "id", "version"],
            [f"{log}.business_id", f"{log}.entity_id", f"{log}.version"],
            name=f"fk_{table}_{log}",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    protect_mirror(table)


def create_sealed_mirror(table: str, *own_columns: sa.Column[Any]) -> None:
    """As `create_mirror`, for migrations after 0006: with what 0004 and 0006 gave every mirror and log of before."""
    create_mirror(table, *own_columns)
    seal_log(f"{table}_transaction_log")
    store_verbatim(table)


def _create_log(log: str) -> None:
    op.create_table(
        log,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("transaction_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("snapshot", JSONB(), nullable=False),
        sa.Column("changes", JSONB(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("tx_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "entity_id", "version", name=f"pk_{log}"),
    )


def protect_mirror(table: str) -> None:
    """Install the triggers, policies and grants of a mirror table and of its log."""
    log = f"{table}_transaction_log"
    op.execute(f"""
CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION require_next_version();
CREATE TRIGGER no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {log} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {log} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    # A business that joined since the last ANALYZE is in no statistic: the planner would take it for empty, hold every index that
    # leads with business_id for equally good, and read the whole business a thousand times a page. Without statistics of
    # its own the column always counts as one of 200 values.
    op.execute(f"ALTER TABLE {table} ALTER COLUMN business_id SET STATISTICS 0")
    # A change's row, the whole object and what differed, often passes the 2 kB where PostgreSQL starts to compress: a tenth of the
    # server's time for a page of changed objects. Up to half a block it stays as it is.
    op.execute(f"ALTER TABLE {log} SET (toast_tuple_target = 4096)")
    protect_tenant_table(table)
    columns = "business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes"
    protect_tenant_table(log, grants=f"SELECT, INSERT ({columns})")
