"""What the migrated database's own catalog says of every table, so that a new one cannot come without its walls."""

from collections.abc import Iterator

import psycopg
import pytest

from infra.db.catalog import OF_NO_BUSINESS, read_walls, rights_above_the_walls, tables_without_walls
from infra.db.roles import ACCESS, APP, JOBS, LOGIN_ROLES, OWNER, SEALER
from infra.embedded.roles import connect
from runway.registry import METADATA, MIRROR_SPECS
from tests.rig import Database

MIRRORS = sorted({spec.mirror.__tablename__ for spec in MIRROR_SPECS})
LOGS = [*(f"{mirror}_transaction_log" for mirror in MIRRORS), "action_transaction_log"]


@pytest.fixture
def catalog(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database.superuser_url) as connection:
        yield connection


def test_every_table_is_walled_in_or_of_no_business(catalog: psycopg.Connection) -> None:
    walls = read_walls(catalog)
    assert {table for table, is_walled in walls.items() if not is_walled} == OF_NO_BUSINESS
    assert {"business", "connection", "outbox", "access_log", *MIRRORS, *LOGS} <= set(walls) - OF_NO_BUSINESS
    assert tables_without_walls(catalog) == []


def test_a_table_that_names_a_business_is_never_of_no_business(catalog: psycopg.Connection) -> None:
    query = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'business_id'"
    assert OF_NO_BUSINESS.isdisjoint(table for (table,) in catalog.execute(query))


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_no_role_of_ours_stands_above_the_walls(catalog: psycopg.Connection, role: str) -> None:
    assert list(rights_above_the_walls(catalog, role)) == []
    owned = catalog.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = %s", [role]).fetchone()
    assert owned is not None
    assert (owned[0] > 0) is (role == OWNER)


def test_only_the_roles_that_look_across_businesses_have_policies_of_their_own(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT r.rolname, c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        JOIN pg_roles r ON r.oid = ANY (p.polroles)
    """).fetchall()
    across: dict[str, set[str]] = {}
    for role, table in rows:
        across.setdefault(role, set()).add(table)
    assert across[ACCESS] == {
        "business", "oauth_state", "invitation", "membership", "api_token_business", "access_log", "outbox"
    }  # fmt: skip
    assert across[JOBS] == {
        "outbox", "business", "connection", "sync_state", "sync_run", "oauth_state", "refresh_lease", "business_activity",
        "rail_call_count", "quarantined_object", "drift_item", "notice", "action_intent", "kept_forecast", "reminder_policy", "digest_setting",
    }  # fmt: skip
    assert set(across) <= {ACCESS, JOBS, SEALER}


@pytest.mark.parametrize("table", sorted(OF_NO_BUSINESS))
def test_the_application_cannot_look_at_people_and_their_keys(catalog: psycopg.Connection, table: str) -> None:
    allowed = catalog.execute(f"SELECT has_table_privilege('{APP}', %s, 'SELECT')", [table]).fetchone()
    assert allowed == (False,)


@pytest.mark.parametrize("role", [ACCESS, JOBS])
@pytest.mark.parametrize("table", [*MIRRORS, *LOGS, "rail_token"])
def test_who_looks_across_businesses_sees_no_books(catalog: psycopg.Connection, role: str, table: str) -> None:
    query = f"SELECT has_any_column_privilege('{role}', %s, 'SELECT, INSERT, UPDATE')"
    assert catalog.execute(query, [table]).fetchone() == (False,)


@pytest.mark.parametrize("mirror", MIRRORS)
def test_every_mirror_has_its_triggers_and_its_deferred_key(catalog: psycopg.Connection, mirror: str) -> None:
    def triggers(table: str) -> set[tuple[str, str, str]]:
        query = """
            SELECT t.tgname, p.proname, t.tgenabled::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgrelid = %s::regclass AND NOT t.tgisinternal
        """
        return {(row[0], row[1], row[2]) for row in catalog.execute(query, [table])}

    log = f"{mirror}_transaction_log"
    assert triggers(mirror) == {
        ("next_version", "require_next_version", "O"),
        ("no_delete", "refuse_removal", "O"),
        ("no_truncate", "refuse_removal", "O"),
    }
    assert triggers(log) == {("only_grows", "refuse_change", "O"), ("no_truncate", "refuse_change", "O")}
    key = catalog.execute(
        """
        SELECT condeferrable, condeferred, confrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = %s::regclass AND contype = 'f'
        """,
        [mirror],
    ).fetchall()
    assert [row[:3] for row in key] == [(True, True, log)]
    assert "(business_id, id, version)" in key[0][3]
    assert "(business_id, entity_id, version)" in key[0][3]


@pytest.mark.parametrize("table", [*MIRRORS, *LOGS])
def test_every_key_and_index_leads_with_the_business(catalog: psycopg.Connection, table: str) -> None:
    rows = catalog.execute(
        """
        SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = %s::regclass
        """,
        [table],
    ).fetchall()
    assert rows
    # The sealer follows the transactions of all businesses: one index a log for it.
    assert {(name, column) for name, column in rows if column != "business_id"} == (
        {(f"ix_{table}_tx_xid", "tx_xid")} if table in LOGS else set()
    )


def test_the_sealer_reads_every_log_and_writes_seals_alone(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT c.relname, string_agg(p, ',' ORDER BY p) FROM pg_class c,
          unnest(ARRAY['DELETE', 'INSERT', 'MAINTAIN', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) AS p
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND (has_table_privilege('oodaloo_sealer', c.oid, p) OR p IN ('INSERT', 'UPDATE', 'SELECT', 'REFERENCES')
            AND has_any_column_privilege('oodaloo_sealer', c.oid, p)) GROUP BY 1
    """).fetchall()
    seals = {"log_batch": "INSERT,SELECT", "log_checkpoint": "INSERT,SELECT"}
    assert dict(rows) == seals | dict.fromkeys([*LOGS, "access_log"], "SELECT")


@pytest.mark.parametrize("mirror", MIRRORS)
def test_the_planner_keeps_no_statistics_of_the_business(catalog: psycopg.Connection, mirror: str) -> None:
    query = "SELECT attstattarget FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'business_id'"
    assert catalog.execute(query, [mirror]).fetchone() == (0,)


def test_no_column_is_a_binary_float_and_every_instant_has_its_zone(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT table_name || '.' || column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('real', 'double precision', 'money', 'timestamp without time zone')
    """).fetchall()
    assert rows == []


def test_only_a_rails_own_json_is_kept_as_text(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'json'
    """).fetchall()
    of_logs = {f"{log}.{column}" for log in LOGS for column in ("snapshot", "changes")}
    of_mirrors = {f"{table}.payload" for table in [*MIRRORS, "quarantined_object"]}
    assert {row[0] for row in rows} == of_logs | of_mirrors


def test_amounts_have_the_rails_own_precision(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT table_name || '.' || column_name, numeric_precision, numeric_scale FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'numeric'
    """).fetchall()
    assert len(rows) > len(MIRRORS)
    for column, precision, scale in rows:
        assert (precision, scale) == ((28, 10) if column.endswith("_rate") else (20, 5)), column


@pytest.mark.parametrize("table", [*MIRRORS, *LOGS])
def test_the_application_may_do_what_it_needs_and_no_more(catalog: psycopg.Connection, table: str) -> None:
    granted = {
        privilege
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
        if catalog.execute("SELECT has_table_privilege('oodaloo_app', %s, %s)", [table, privilege]).fetchone()
        == (True,)
    }
    assert granted == ({"SELECT"} if table in LOGS else {"SELECT", "INSERT", "UPDATE"})
    if table in LOGS:
        columns = {
            row[0]
            for row in catalog.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "AND has_column_privilege('oodaloo_app', attrelid, attnum, 'INSERT')",
                [table],
            )
        }
        mine = {column.name for column in METADATA.tables[table].columns}
        assert mine - columns == {"id", "recorded_at", "tx_xid"}
