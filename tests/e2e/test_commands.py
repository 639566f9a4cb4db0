"""What the command line says when it cannot do what it was asked: a few plain words, and exit code 1."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.commands import QBO_KEYS, run_oodaloo
from tests.rig import RunServers

pytestmark = pytest.mark.timeout(400)

NOWHERE = "postgresql://app:secret@127.0.0.1:1/oodaloo"


def refused(home: Path, *arguments: str, **settings: str) -> str:
    """What `oodaloo <arguments>` says on standard error."""
    result = run_oodaloo(home, *arguments, **settings)
    assert result.exit_code == 1, result.output
    return result.stderr


def refused_alone(home: Path, *arguments: str, **settings: str) -> str:
    """The same of a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OODALOO_", "QBO_"))}
    done = subprocess.run(  # noqa: S603  # our own command line
        [sys.executable, "-m", "runway.cli", *arguments],
        env={**environment, "OODALOO_HOME": str(home), **QBO_KEYS, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done
    return done.stderr


@pytest.mark.parametrize(
    ("run", "command"),
    [
        (refused_alone, ["serve", "--port", "0"]),
        (refused, ["worker"]),
        (refused, ["sync", "X"]),
        (refused, ["migrate"]),
    ],
)
def test_a_database_out_of_reach_is_said_in_one_line(
    tmp_path: Path, run: Callable[..., str], command: list[str]
) -> None:
    said = run(tmp_path, *command, OODALOO_DATABASE_URL=NOWHERE, OODALOO_REDIS_URL="redis://127.0.0.1:1/0")
    assert said.startswith("The database cannot be used: connection failed")
    assert said.count("\n") == 1
    assert "secret" not in said


def test_a_given_database_is_its_operators_to_migrate(tmp_path: Path, servers: RunServers, redis_url: str) -> None:
    given = {"OODALOO_DATABASE_URL": servers.database("postgres").superuser_url, "OODALOO_REDIS_URL": redis_url}
    for command in (["serve", "--port", "0"], ["worker"], ["token", "create", "--business", "X"]):
        said = refused(tmp_path, *command, **given)
        assert said == "The database is not at this version's schema. Run `oodaloo migrate` first.\n"


def test_the_first_command_of_all_finds_no_business_rather_than_no_table() -> None:
    # Not in pytest's own directory: another run closes that to others, and as root the bundled servers are others.
    with TemporaryDirectory(prefix="oodaloo-home-") as home:
        assert refused(Path(home), "sync", "Nobody").startswith("0 businesses are called 'Nobody'.")


def test_a_business_has_a_name(tmp_path: Path) -> None:
    assert refused(tmp_path, "token", "create", "--business", " ") == "The business needs a name; this one is blank.\n"
