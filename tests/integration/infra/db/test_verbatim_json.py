"""Migration 0006 on a database with books in it: what jsonb held is the same JSON afterwards, and still walled in."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from psycopg import errors
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from infra import exact_json
from infra.db.migrate import alembic_config, migrate
from infra.embedded.roles import connect, ensure_database
from infra.ids import new_id
from tests.rig import Database, RunServers

SNAPSHOT = '{"Id": "7", "Tax": 0.10, "Line": [{"Amount": 12345678901234567890.10}], "Note": "caf\u00e9 \\" \\n"}'
CHANGES = '{"Tax": [1.0, 0.10]}'


@pytest.fixture(scope="module")
def migrated_database(servers: RunServers, worker_id: str) -> Iterator[Database]:
    """A database that had one customer when 0006 came."""
    name = f"before_0006_{worker_id}"
    ensure_database(servers.database("postgres").superuser_url, name)
    database = servers.database(name)
    _upgrade_to_0005(database.owner_url)
    with connect(database.superuser_url) as connection, connection.transaction():
        _add_customer(connection)
    migrate(database.owner_url)
    yield database
    with connect(servers.database("postgres").superuser_url) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def migrated(migrated_database: Database) -> Iterator[psycopg.Connection]:
    """What a test changes is undone."""
    with connect(migrated_database.superuser_url) as connection, connection.transaction(force_rollback=True):
        yield connection


def _upgrade_to_0005(owner_url: str) -> None:
    config = alembic_config()
    with create_engine(owner_url, poolclass=NullPool).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")


def _add_customer(connection: psycopg.Connection) -> None:
    ids = {"business": new_id(), "id": new_id(), "snapshot": SNAPSHOT, "changes": CHANGES}
    connection.execute(
        "INSERT INTO customer_transaction_log (business_id, entity_id, version, transaction_type, source, actor, request_id,"
        " snapshot, changes) VALUES (%(business)s, %(id)s, 1, 'created', 'qbo', 'x', 'x', %(snapshot)s, %(changes)s)",
        ids,
    )
    connection.execute(
        "INSERT INTO customer (business_id, id, rail, external_id, payload, payload_hash, rail_updated_at, version, synced_at,"
        " display_name, is_active) VALUES (%(business)s, %(id)s, 'qbo', '7', %(snapshot)s, '', now(), 1, now(), 'A', true)",
        ids,
    )


def test_every_digit_and_character_is_kept(migrated: psycopg.Connection) -> None:
    query = (
        "SELECT c.payload::text, l.snapshot::text, l.changes::text FROM customer AS c, customer_transaction_log AS l"
    )
    row = migrated.execute(query).fetchone()
    assert row is not None
    as_stored = [exact_json.dumps(exact_json.loads(text)) for text in row]
    assert as_stored == [exact_json.dumps(exact_json.loads(text)) for text in (SNAPSHOT, SNAPSHOT, CHANGES)]


@pytest.mark.parametrize(
    "change",
    ["version = version", "version = 3", "version = 2, id = uuidv7()", "version = 2, rail = 'ramp'"],
)
def test_a_change_that_breaks_the_version_or_the_identity_is_refused(migrated: psycopg.Connection, change: str) -> None:
    with pytest.raises(errors.RestrictViolation):
        migrated.execute(f"UPDATE customer SET {change}".encode())  # noqa: S608 - this file's own texts
