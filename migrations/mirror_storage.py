"""How mirrors and logs lie on disk since 0006. Migrations call these; a change here is a new migration too."""

from alembic import op

_QUERYABLE = r"""
CREATE FUNCTION queryable(payload json) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT replace(payload::text, '\u0000', '\ufffd')::jsonb
$$
"""

_NEXT_VERSION = """
CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW
WHEN (
  NEW.version IS DISTINCT FROM OLD.version + 1
  OR NEW.business_id IS DISTINCT FROM OLD.business_id OR NEW.id IS DISTINCT FROM OLD.id
  OR NEW.rail IS DISTINCT FROM OLD.rail OR NEW.external_id IS DISTINCT FROM OLD.external_id
)
EXECUTE FUNCTION require_next_version()
"""


def create_queryable() -> None:
    """`queryable(payload)` is what the operators and paths of jsonb read.

    jsonb refuses the character zero, json keeps it: one object that has it must not fail the query of a whole period.
    """
    op.execute(_QUERYABLE)


def store_verbatim(table: str) -> None:
    """Keep the rail's JSON as text, and call the version trigger only to refuse."""
    log = f"{table}_transaction_log"
    op.execute(f"ALTER TABLE {table} ALTER COLUMN payload TYPE json USING payload::text::json")
    op.execute(
        f"ALTER TABLE {log} ALTER COLUMN snapshot TYPE json USING snapshot::text::json, "
        f"ALTER COLUMN changes TYPE json USING changes::text::json"
    )
    op.execute(f"DROP TRIGGER next_version ON {table}")
    op.execute(_NEXT_VERSION.format(table=table))
