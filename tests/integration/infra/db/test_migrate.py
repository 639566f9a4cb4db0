from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from infra.db import migrate as migrating
from infra.db.migrate import TablesInUse, alembic_config, current_is_head, migrate
from infra.embedded.roles import connect, ensure_database
from tests.rig import Database, RunServers


@pytest.fixture
def empty(servers: RunServers, worker_id: str) -> Iterator[Database]:
    name = f"empty_{worker_id}"
    superuser_url = servers.database("postgres").superuser_url
    ensure_database(superuser_url, name)
    yield servers.database(name)
    with connect(superuser_url) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())


def test_a_workers_database_is_at_head_and_migrating_again_changes_nothing(database: Database) -> None:
    assert current_is_head(database.owner_url)
    migrate(database.owner_url)
    assert current_is_head(database.owner_url)


def test_an_empty_database_is_brought_to_head(empty: Database) -> None:
    assert not current_is_head(empty.owner_url)
    migrate(empty.owner_url)
    assert current_is_head(empty.owner_url)


def test_a_table_that_stays_in_use_is_left_and_nobody_has_to_wait_for_long(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create_engine(empty.owner_url, poolclass=NullPool).begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0025")
    monkeypatch.setattr(migrating, "_PATIENCE", "SET LOCAL lock_timeout = '100ms'")
    with connect(empty.superuser_url) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM sync_state")
        with pytest.raises(TablesInUse, match="in use for more than ten seconds"):
            migrate(empty.owner_url)
    assert not current_is_head(empty.owner_url)
    migrate(empty.owner_url)
    assert current_is_head(empty.owner_url)
