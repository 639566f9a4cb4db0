import os
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import psycopg
import pytest
import redis

from infra.config import ServerSettings, load
from infra.embedded.errors import EmbeddedServerError
from infra.embedded.roles import connect
from infra.embedded.servers import ServerAddresses, servers
from tests.integration.infra.embedded.processes import processes_of


def use(home: Path, **urls: str) -> ServerSettings:
    return load(
        ServerSettings, home=home, **{"database_url": None, "database_owner_url": None, "redis_url": None, **urls}
    )


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with connect(url) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_they_run_in_the_block_and_nothing_of_them_is_left_after_it(home: Path) -> None:
    with servers(use(home)) as addresses:
        assert run(addresses.database_app_url, "SELECT current_user::text") == [("oodaloo_app",)]
        with redis.from_url(addresses.redis_url) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        sockets = (home / "run").readlink()
        assert {process.name() for process in processes_of(home)} >= {"postgres", "valkey-server"}
    assert processes_of(home) == []
    assert not sockets.exists()


def test_data_survive_a_restart(home: Path) -> None:
    with servers(use(home)) as addresses:
        run(addresses.database_owner_url, "CREATE TABLE kept (id int)")
        run(addresses.database_owner_url, "INSERT INTO kept VALUES (7)")
    with servers(use(home)) as addresses:
        assert run(addresses.database_owner_url, "SELECT id FROM kept") == [(7,)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SET ROLE oodaloo_owner",
        "DROP TABLE owned",
        "SELECT * FROM owned",
    ],
)
def test_the_applications_role_owns_and_creates_nothing(shared: ServerAddresses, statement: str) -> None:
    run(shared.database_owner_url, "CREATE TABLE IF NOT EXISTS owned (id int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(shared.database_app_url, statement)


def test_the_applications_role_may_use_temporary_tables(shared: ServerAddresses) -> None:
    assert run(shared.database_app_url, "CREATE TEMPORARY TABLE page (id int)") == []


def test_a_home_with_a_long_path_works(home: Path) -> None:
    with servers(use(home / ("long-" * 20) / ("longer-" * 20))) as addresses:
        assert run(addresses.database_app_url, "SELECT 1") == [(1,)]


def test_two_homes_run_side_by_side(home: Path, shared: ServerAddresses) -> None:
    with servers(use(home)) as addresses:
        assert not set(astuple(addresses)[:3]) & set(astuple(shared)[:3])
        run(addresses.database_owner_url, "CREATE TABLE only_here (id int)")
        assert run(shared.database_owner_url, "SELECT to_regclass('only_here')") == [(None,)]


def test_many_who_start_at_once_share_one_server(home: Path) -> None:
    def hold(_: int) -> tuple[str, object]:
        with servers(use(home)) as addresses:
            return addresses.database_app_url, run(addresses.database_app_url, "SELECT pg_postmaster_start_time()")

    with servers(use(home)), ThreadPoolExecutor(8) as pool:
        assert len(set(map(str, pool.map(hold, range(16))))) == 1
    assert processes_of(home) == []


def test_starting_while_the_last_user_stops_gives_running_servers(home: Path) -> None:
    def come_and_go(_: int) -> object:
        with servers(use(home)) as addresses:
            return run(addresses.database_app_url, "SELECT 1")

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(come_and_go, range(12))) == [[(1,)]] * 12


def test_servers_that_are_given_are_passed_through_and_none_is_started(home: Path) -> None:
    given = use(home, database_url="postgresql://app:secret@db.example/books", redis_url="redis://cache.example/0")
    with servers(given) as addresses:
        assert addresses == ServerAddresses(
            database_owner_url="postgresql+psycopg://app:secret@db.example/books",
            database_app_url="postgresql+psycopg://app:secret@db.example/books",
            redis_url="redis://cache.example/0",
        )
        assert list(home.iterdir()) == []


def test_the_owners_url_is_separate_when_given(home: Path) -> None:
    urls = {"database_url": "postgresql://app@db/books", "database_owner_url": "postgresql://boss@db/books"}
    with servers(use(home, redis_url="redis://cache/0", **urls)) as addresses:
        assert addresses.database_owner_url == "postgresql+psycopg://boss@db/books"
        assert addresses.database_app_url == "postgresql+psycopg://app@db/books"


def test_only_the_server_without_a_url_is_started(home: Path) -> None:
    with servers(use(home, database_url="postgresql://app@db/books")) as addresses:
        assert "valkey-server" in {process.name() for process in processes_of(home)}
        assert "postgres" not in {process.name() for process in processes_of(home)}
        assert addresses.database_app_url == "postgresql+psycopg://app@db/books"
    assert processes_of(home) == []


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("9.1\n")
    if os.geteuid() == 0:
        shutil.chown(home / "postgres", "nobody")
    with (
        pytest.raises(EmbeddedServerError, match=r"(?s)postgres ended with status .*could not access"),
        servers(use(home)),
    ):
        pass
    assert processes_of(home) == []


def test_the_rig_reaches_no_other_machine() -> None:
    with socket.socket() as outside, pytest.raises(Exception, match="Tests reach this machine only"):
        outside.connect(("192.0.2.1", 80))
