"""What the database itself enforces on tenants' tables, mirrors and logs. Migrations call these; a change here is a new migration too.

The invariants are DESIGN's section on mirror and log; tests try to break each of them as the application's role.
"""

from alembic import op

APP_ROLE = "oodaloo_app"

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

CREATE FUNCTION require_first_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version IS DISTINCT FROM 1 THEN
    RAISE EXCEPTION 'a new row of % starts at version 1, not %', TG_TABLE_NAME, NEW.version USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION changed_fields(before jsonb, after jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(before -> key, after -> key)), '{}')
  FROM (
    SELECT key FROM jsonb_each(after) WHERE value IS DISTINCT FROM before -> key
    UNION ALL
    SELECT key FROM jsonb_object_keys(before) AS key WHERE NOT after ? key
  ) AS differing
$$;
"""


def create_functions() -> None:
    op.execute(_FUNCTIONS)


def protect_tenant_table(table: str, *, grants: str = "SELECT, INSERT, UPDATE") -> None:
    """Force row-level security, keyed by the transaction's `app.business_ids`, and grant the application what it needs.

    NULLIF because a setting that was set once reads as an empty string in later transactions; unset sees no row.
    """
    seen = "business_id = ANY (NULLIF(current_setting('app.business_ids', true), '')::uuid[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY businesses_of_the_transaction ON {table} USING ({seen}) WITH CHECK ({seen})")
    op.execute(f"GRANT {grants} ON {table} TO {APP_ROLE}")


def protect_mirror(table: str) -> None:
    """Install the triggers, policies and grants of a mirror table and of its log."""
    log = f"{table}_transaction_log"
    op.execute(f"""
CREATE TRIGGER first_version BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION require_first_version();
CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION require_next_version();
CREATE TRIGGER no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON {log} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {log} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
""")  # noqa: S608  # table names come from migrations, never from input
    protect_tenant_table(table)
    columns = "business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes"
    protect_tenant_table(log, grants=f"SELECT, INSERT ({columns})")
