"""What the migrated database's own catalog says of every table, so that a new one cannot come without its walls."""

from collections.abc import Iterator

import psycopg
import pytest

from infra.embedded.roles import connect
from runway.registry import METADATA, MIRROR_SPECS
from tests.rig import Database

# Looked up before the business is known (a token, a realm, a state) or crossing businesses; walled in by the tenancy issue.
NOT_YET_WALLED = {"connection", "api_token", "oauth_state"}
MIRRORS = sorted({spec.mirror.__tablename__ for spec in MIRROR_SPECS})
LOGS = [f"{mirror}_transaction_log" for mirror in MIRRORS]


@pytest.fixture
def catalog(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database.superuser_url) as connection:
        yield connection


def test_every_tenant_table_has_forced_row_security_and_one_policy(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
          (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
             AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'business_id'
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    """).fetchall()
    walls = {table: (is_forced, policies) for table, is_forced, policies in rows}
    assert set(MIRRORS) | set(LOGS) | NOT_YET_WALLED | {"sync_state", "sync_run"} <= set(walls)
    bare = {table for table, wall in walls.items() if wall != (True, 1)}
    assert bare == NOT_YET_WALLED


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
    assert {column for _, column in rows} == {"business_id"}


@pytest.mark.parametrize("mirror", MIRRORS)
def test_the_planner_keeps_no_statistics_of_the_business(catalog: psycopg.Connection, mirror: str) -> None:
    query = "SELECT attstattarget FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'business_id'"
    assert catalog.execute(query, [mirror]).fetchone() == (0,)


def test_no_column_is_a_binary_float_and_every_instant_has_its_zone(catalog: psycopg.Connection) -> None:
    rows = catalog.execute("""
        SELECT table_name || '.' || column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('real', 'double precision', 'money', 'json', 'timestamp without time zone')
    """).fetchall()
    assert rows == []


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
