"""The log's proof: batches, checkpoints, the sealer's rights, and an index by transaction on every log.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.db.roles import APP, SEALER
from infra.sync.shapes import Xid8
from migrations.mirror_tables import let_see_all, protect_tenant_table, seal_log

revision = "0004"
down_revision = "0003"

_LOGS = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tx_xid'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1
"""


def upgrade() -> None:
    for (log,) in op.get_bind().execute(sa.text(_LOGS)).all():
        seal_log(log)
    op.create_table(
        "log_batch",
        sa.Column("business_id", sa.Uuid(), nullable=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_no", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("xid_from", Xid8(), nullable=False),
        sa.Column("xid_before", Xid8(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("tables", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("checkpoint_path", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("business_id", "batch_no", name="pk_log_batch"),
    )
    op.create_index("ix_log_batch_checkpoint_no", "log_batch", ["checkpoint_no"])
    op.create_table(
        "log_checkpoint",
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("xid_before", Xid8(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch_count", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("batch_root", sa.LargeBinary(), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("no", name="pk_log_checkpoint"),
    )
    op.execute("ALTER TABLE log_batch ALTER COLUMN leaves SET STORAGE EXTERNAL")  # hashes do not get smaller
    for table in ("log_batch", "log_checkpoint"):
        op.execute(f"""
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")
    protect_tenant_table("log_batch", grants="SELECT")
    op.execute("ALTER TABLE log_checkpoint ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE log_checkpoint FORCE ROW LEVEL SECURITY")
    # A business sees the checkpoints of its own batches: the batches' own policy narrows the sub-select.
    op.execute("""
CREATE POLICY businesses_of_the_transaction ON log_checkpoint
USING (EXISTS (SELECT FROM log_batch b WHERE b.checkpoint_no = log_checkpoint.no)) WITH CHECK (false)
""")
    op.execute(f"GRANT SELECT ON log_checkpoint TO {APP}")
    for table in ("log_batch", "log_checkpoint"):
        let_see_all(table, SEALER, grants="SELECT, INSERT")
