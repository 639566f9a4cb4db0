from infra.db.migrate import current_is_head, migrate
from infra.embedded.roles import connect, ensure_database
from tests.rig import Database, RunServers


def test_a_workers_database_is_at_head_and_migrating_again_changes_nothing(database: Database) -> None:
    assert current_is_head(database.owner_url)
    migrate(database.owner_url)
    assert current_is_head(database.owner_url)


def test_an_empty_database_is_brought_to_head(servers: RunServers, worker_id: str) -> None:
    name = f"empty_{worker_id}"
    superuser_url = servers.database("postgres").superuser_url
    ensure_database(superuser_url, name)
    url = servers.database(name).owner_url
    assert not current_is_head(url)
    migrate(url)
    assert current_is_head(url)
    with connect(superuser_url) as connection:
        connection.execute(f'DROP DATABASE "{name}"'.encode())
