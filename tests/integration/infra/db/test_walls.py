"""What the application's role can do with a plain SQL session, as an attacker with one would."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from psycopg import errors, sql

from infra.embedded.roles import connect
from infra.ids import new_id
from tests.rig import Database

NOW = datetime(2026, 3, 15, tzinfo=UTC)

# Unique keys the application can write into that do not lead with the business, each with why it tells nothing of another's rows.
TELLS_NOTHING = {
    "uq_connection_active_account": "the one exception: connecting answers alike whoever has the company",
    "pk_oauth_state": "of a state's 256 random bits",
    "pk_outbox": "a number the database gives",
}
PROTECTED = """
    SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
    AND has_any_column_privilege('oodaloo_app', c.oid, 'SELECT')
"""


@pytest.fixture
def two(database: Database) -> Iterator[tuple[UUID, UUID]]:
    """Two businesses, each with a row in every table that is easily filled."""
    mine, theirs = new_id(), new_id()
    with connect(database.superuser_url) as root:
        for business in (mine, theirs):
            root.execute("INSERT INTO business (id, name, created_at) VALUES (%s, 'walls', %s)", [business, NOW])
            root.execute("INSERT INTO sync_state (business_id, rail, entity) VALUES (%s, 'qbo', 'Bill')", [business])
            root.execute(
                "INSERT INTO connection (business_id, id, rail, external_account_id, state, connected_at, state_changed_at) "
                "VALUES (%s, %s, 'qbo', %s, 'active', %s, %s)",
                [business, new_id(), str(new_id().int)[-20:], NOW, NOW],
            )
            root.execute(
                "INSERT INTO outbox (business_id, queue, job, arguments) VALUES (%s, 'none', 'x', '[]')", [business]
            )
        yield mine, theirs
        root.execute("UPDATE outbox SET finished_at = now() WHERE queue = 'none'")
        root.execute("UPDATE connection SET state = 'disconnected' WHERE business_id IN (%s, %s)", [mine, theirs])


def run_as(database: Database, business: UUID, statement: sql.Composed | bytes, *values: object) -> int:
    """How many rows it touched."""
    with connect(database.app_url) as app, app.transaction():
        as_business(app, business)
        return app.execute(statement, values).rowcount


def as_business(connection: psycopg.Connection, business: UUID | None) -> None:
    if business is not None:
        connection.execute("SELECT set_config('app.business_ids', %s, true)", [f"{{{business}}}"])


def tables(database: Database) -> list[str]:
    with connect(database.superuser_url) as root:
        return [name for (name,) in root.execute(PROTECTED)]


def test_without_a_business_every_table_is_empty(database: Database, two: tuple[UUID, UUID]) -> None:
    assert two
    seen = tables(database)
    assert {"business", "connection", "outbox", "sync_state", "bill", "bill_transaction_log", "rail_token"} <= set(seen)
    with connect(database.app_url) as app, app.transaction():
        for table in seen:
            count = app.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert count == (0,), table


@pytest.mark.parametrize("table", ["business", "connection", "outbox", "sync_state"])
def test_with_ones_own_business_anothers_rows_are_not_there(
    database: Database, two: tuple[UUID, UUID], table: str
) -> None:
    mine, theirs = two
    column = "id" if table == "business" else "business_id"
    query = sql.SQL("SELECT {column} FROM {table}").format(column=sql.Identifier(column), table=sql.Identifier(table))
    with connect(database.app_url) as app, app.transaction():
        as_business(app, mine)
        assert {row[0] for row in app.execute(query)} == {mine}
        named = query + sql.SQL(" WHERE {} = %s").format(sql.Identifier(column))
        assert app.execute(named, [theirs]).fetchall() == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO sync_state (business_id, rail, entity) VALUES (%s, 'qbo', 'Invoice')",
        "INSERT INTO sync_state (business_id, rail, entity) VALUES (%s, 'qbo', 'Bill')",
        "INSERT INTO outbox (business_id, queue, job, arguments) VALUES (%s, 'none', 'x', '[]')",
        (
            "INSERT INTO connection (business_id, id, rail, external_account_id, state, connected_at, state_changed_at) "
            "VALUES (%s, gen_random_uuid(), 'qbo', '1', 'active', now(), now())"
        ),
    ],
)
def test_nothing_is_written_into_anothers_books(database: Database, two: tuple[UUID, UUID], statement: str) -> None:
    """Refused by the policy, before any key could tell whether such a row is there: the second one is."""
    mine, theirs = two
    with pytest.raises(errors.InsufficientPrivilege):
        run_as(database, mine, statement.encode(), theirs)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE sync_state SET last_error = 'x' WHERE business_id = %s", "UPDATE business SET name = 'x' WHERE id = %s"],
)
def test_nothing_of_anothers_is_changed(database: Database, two: tuple[UUID, UUID], statement: str) -> None:
    mine, theirs = two
    assert run_as(database, mine, statement.encode(), theirs) == 0


@pytest.mark.parametrize("statement", ["UPDATE {} SET request_id = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_log_can_be_changed(database: Database, two: tuple[UUID, UUID], statement: str) -> None:
    logs = [name for name in tables(database) if name.endswith("_transaction_log")]
    assert len(logs) >= 15
    for log in logs:
        with pytest.raises(errors.InsufficientPrivilege):
            run_as(database, two[0], sql.SQL(statement).format(sql.Identifier(log)))


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE oodaloo_access", "SET ROLE oodaloo_owner", "SET SESSION AUTHORIZATION postgres", "SET row_security = off; TABLE bill",
        "ALTER TABLE bill DISABLE ROW LEVEL SECURITY", "ALTER TABLE bill_transaction_log DISABLE TRIGGER only_grows",
        "DROP POLICY businesses_of_the_transaction ON bill", "CREATE TABLE mine (id int)", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "TABLE app_user", "TABLE api_token", "TABLE user_session", "TABLE access_log", "TABLE membership",
        "COPY bill FROM STDIN", "DELETE FROM bill", "TRUNCATE bill", "UPDATE outbox SET job = 'y'", "DELETE FROM outbox",
        "SET session_replication_role = replica", "ALTER ROLE oodaloo_app BYPASSRLS", "SELECT pg_read_file('/etc/passwd')",
    ],
)  # fmt: skip
def test_there_is_no_way_round(database: Database, two: tuple[UUID, UUID], statement: str) -> None:
    refused = (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.InvalidParameterValue)
    with pytest.raises(refused):
        run_as(database, two[0], statement.encode())


def test_no_unique_key_tells_of_anothers_rows(database: Database) -> None:
    with connect(database.superuser_url) as root:
        rows = root.execute("""
            SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indisunique AND c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
              AND has_any_column_privilege('oodaloo_app', c.oid, 'INSERT')
        """).fetchall()
    assert rows
    assert {key for key, column in rows if column != "business_id"} == set(TELLS_NOTHING)
