"""The servers and databases of one test run. Nothing is started before a test asks for it.

All workers of a run share one PostgreSQL and one Valkey in a new temporary home; two runs share nothing.
"""

import fcntl
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from alembic.script import ScriptDirectory

from infra.db.migrate import MIGRATIONS, alembic_config, migrate
from infra.db.roles import ACCESS, APP, JOBS, OWNER, SEALER
from infra.embedded.attachment import Attachment
from infra.embedded.postgres import SUPERUSER
from infra.embedded.roles import connect, ensure_database
from infra.embedded.servers import postgres_url, valkey_url
from infra.embedded.valkey import DATABASES

HOME_VARIABLE = "OODALOO_TEST_HOME"
OWN_NUMBERS = range(64, DATABASES)  # those before them are the workers' own, and 0 a run's without workers
_PREFIX = "oodaloo-test-"
_TEMPLATE = "oodaloo_template"


@dataclass(frozen=True)
class Database:
    """SQLAlchemy's URLs of one worker's own database."""

    app_url: str
    owner_url: str
    superuser_url: str
    access_url: str
    jobs_url: str
    sealer_url: str


@dataclass(frozen=True)
class RunServers:
    """Addresses are made on demand: a test without a database starts no PostgreSQL."""

    attachment: Attachment

    def database(self, name: str) -> Database:
        directory = self.attachment.address("postgres")

        def url(role: str) -> str:
            return postgres_url(directory, role, database=name)

        return Database(
            app_url=url(APP),
            owner_url=url(OWNER),
            superuser_url=url(SUPERUSER),
            access_url=url(ACCESS),
            jobs_url=url(JOBS),
            sealer_url=url(SEALER),
        )

    def redis_url(self, number: int) -> str:
        return valkey_url(self.attachment.address("valkey"), database=number)


def worker_number(worker_id: str) -> int:
    """1 for gw0; 0 without xdist."""
    return 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1


def create_worker_database(servers: RunServers, name: str) -> Database:
    """A copy of the migrated template, which the first caller makes.

    Raises:
        RuntimeError: there is no migration to apply.
    """
    superuser_url = servers.database("postgres").superuser_url
    made = servers.attachment.home / "template.made"
    with _locked(made.with_suffix(".lock")):
        if not made.exists():
            _make_template(servers, superuser_url)
            made.touch()
        with connect(superuser_url) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        ensure_database(superuser_url, name, template=_TEMPLATE)
    return servers.database(name)


def _make_template(servers: RunServers, superuser_url: str) -> None:
    if not ScriptDirectory.from_config(alembic_config()).get_heads():
        raise RuntimeError(f"{MIGRATIONS / 'versions'} holds no migration, so there is no schema to test on.")
    ensure_database(superuser_url, _TEMPLATE)
    migrate(servers.database(_TEMPLATE).owner_url)


@contextmanager
def unused_database(servers: RunServers) -> Iterator[Database]:
    """Under a name of its own, gone afterwards, with whoever is still connected."""
    name = f"oodaloo_own_{unused_number(servers)}"
    try:
        yield create_worker_database(servers, name)
    finally:
        with connect(servers.database("postgres").superuser_url) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def unused_number(servers: RunServers) -> int:
    """A database number in Valkey that no test of this run has been given, until all have been."""
    given = servers.attachment.home / "numbers_given"
    with _locked(given.with_suffix(".lock")):
        count = int(given.read_text(encoding="ascii")) if given.exists() else 0
        given.write_text(str(count + 1), encoding="ascii")
    return OWN_NUMBERS[count % len(OWN_NUMBERS)]


def emptied(redis_url: str) -> str:
    with redis.from_url(redis_url) as client:
        client.flushdb()
        # Not a server that has lost its memory, which would take every limit for used up: nothing was called before.
        client.set("limit:{qbo}:begun", 1)
    return redis_url


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class RunHome:
    """The run's temporary home, held by the controlling process; homes of runs that were killed are removed."""

    def __init__(self) -> None:
        _remove_abandoned()
        self._path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self._path / "controller.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.environ[HOME_VARIABLE] = str(self._path)  # xdist's workers inherit it
        os.environ["OODALOO_WORKER_NICENESS"] = "0"  # or other tests' processes would leave them nothing

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock)


def _remove_abandoned() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/controller.lock"):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            continue  # another user's, or just removed
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


class NetworkUsed(Exception):
    """A test tried to leave the machine."""


def close_network() -> None:
    """Let this process's sockets reach loopback and Unix sockets only."""
    connect_freely, connect_ex_freely = socket.socket.connect, socket.socket.connect_ex

    def connect_guarded(self: socket.socket, address: Any) -> None:
        _must_be_local(self, address)
        connect_freely(self, address)

    def connect_ex_guarded(self: socket.socket, address: Any) -> int:
        _must_be_local(self, address)
        return connect_ex_freely(self, address)

    socket.socket.connect = connect_guarded  # type: ignore[method-assign, assignment]  # the guard is the point
    socket.socket.connect_ex = connect_ex_guarded  # type: ignore[method-assign, assignment]  # the same


def _must_be_local(connection: socket.socket, address: Any) -> None:
    if connection.family == socket.AF_UNIX or _is_loopback(str(address[0])):
        return
    raise NetworkUsed(f"Tests reach this machine only; one tried to connect to {address}.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
