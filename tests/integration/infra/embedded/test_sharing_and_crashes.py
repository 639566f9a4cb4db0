import contextlib
import os
import signal
from pathlib import Path

import psutil
import pytest

from infra.config import ServerSettings
from infra.embedded.roles import connect
from infra.embedded.servers import servers
from tests.integration.infra.embedded.processes import leave, processes_of, user_process, wait_until


def add_row(home: Path) -> str:
    """Attach, add a row to a table that is there from then on, and leave; the URL that was used."""
    with servers(ServerSettings(home=home, database_url=None, redis_url=None)) as addresses:
        with connect(addresses.database_owner_url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS rows (id int)")
            connection.execute("INSERT INTO rows VALUES (1)")
        return addresses.database_app_url


def count_rows(home: Path) -> int:
    settings = ServerSettings(home=home, database_url=None, redis_url=None)
    with servers(settings) as addresses, connect(addresses.database_owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM rows").fetchone()
    assert row is not None
    return int(row[0])


def test_a_second_process_attaches_and_leaves_the_servers_to_the_first(home: Path) -> None:
    with user_process(home) as (first, url):
        assert add_row(home) == url
        assert "postgres" in {process.name() for process in processes_of(home)}
        leave(first)
    assert processes_of(home) == []


def test_the_servers_outlive_the_one_who_started_them_while_another_uses_them(home: Path) -> None:
    with user_process(home) as (first, url), user_process(home) as (second, same_url):
        assert url == same_url
        leave(first)
        assert add_row(home) == url
        leave(second)
    assert processes_of(home) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_servers_stop_however_their_last_user_ends(home: Path, number: signal.Signals) -> None:
    with user_process(home) as (user, _):
        add_row(home)
        user.send_signal(number)
        user.wait()
        wait_until(lambda: processes_of(home) == [])
    assert "database system is shut down" in (home / "postgres.log").read_text()
    assert count_rows(home) == 1


@pytest.mark.parametrize("killed", [("python",), ("python", "postgres", "valkey-server")])
def test_what_a_killed_keeper_leaves_behind_does_not_block_the_next_start(home: Path, killed: tuple[str, ...]) -> None:
    with user_process(home) as (user, url):
        add_row(home)
        user.kill()
        for process in processes_of(home):
            with contextlib.suppress(psutil.NoSuchProcess):  # a background worker may end by itself meanwhile
                if process.name().startswith(killed):
                    process.kill()
        assert add_row(home) != url
    assert count_rows(home) == 2
    assert processes_of(home) == []
    assert not Path(url.split("host=")[1]).exists()


def test_a_lock_file_that_names_somebody_elses_process_does_not_block(home: Path) -> None:
    add_row(home)
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'postgres'}\n")
    assert count_rows(home) == 1


def test_an_initdb_that_was_killed_half_way_is_begun_again(home: Path) -> None:
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    add_row(home)
    assert count_rows(home) == 1
