"""One process's hold on a home's servers. The servers live while anyone holds on to them."""

import atexit
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from infra.embedded.errors import EmbeddedServerError
from infra.embedded.keeper import HELLO, LAST, SOCKET_NAME

_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.01
_started: dict[int, subprocess.Popen[bytes]] = {}  # keepers whose parent we are, by process id, until they have ended


@atexit.register
def _leave_keepers() -> None:
    """A keeper outlives us while others use its servers; Popen would warn of a child that nobody waits for."""
    for keeper in _started.values():
        if keeper.poll() is None:
            keeper.returncode = 0


class Attachment:
    """`durable=False` may lose data when the machine stops; it counts for the one who starts the servers."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home.resolve()
        self._options = [] if durable else ["--not-durable"]
        self._connection: socket.socket | None = None
        self._keeper = 0

    def start(self) -> None:
        """Attach to the home's keeper, or start one.

        Raises:
            EmbeddedServerError: it does not come up.
            OSError: the home cannot be created or written.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            self._connection = self._find_keeper() or self._start_keeper()

    def address(self, server: Literal["postgres", "valkey"]) -> str:
        """Start the server unless it runs already; the directory of PostgreSQL's socket, or Valkey's socket.

        Raises:
            EmbeddedServerError: it does not start.
        """
        if self._connection is None:
            raise RuntimeError("start() comes first.")
        self._connection.sendall(f"{server}\n".encode())
        answer = json.loads(_read_line(self._connection) or b'{"error": "The keeper of the servers ended."}')
        if "error" in answer:
            raise EmbeddedServerError(answer["error"], log=self._log)
        return str(answer["address"])

    def stop(self) -> None:
        """Let go. Returns when the servers have stopped, or at once when others still use them."""
        if self._connection is None:
            return
        with self._connection as connection:
            self._connection = None
            try:
                connection.shutdown(socket.SHUT_WR)
                was_last = _read_line(connection) == LAST
            except OSError:
                was_last = True  # the keeper has gone before us
        if was_last and self._keeper in _started:
            _started.pop(self._keeper).wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self.home / "keeper.log"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all that attach to this home, one at a time: two keepers must not be started at once."""
        lock = os.open(self.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _find_keeper(self) -> socket.socket | None:
        """A keeper that is about to end refuses or resets; then there is none."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(str((self.home / "run").readlink() / SOCKET_NAME))
            connection.sendall(f"{HELLO}\n".encode())
            if line := _read_line(connection):
                self._keeper = json.loads(line)["keeper"]
                return connection
        except OSError:
            pass
        connection.close()
        return None

    def _start_keeper(self) -> socket.socket:
        command = [sys.executable, "-m", "infra.embedded.keeper", str(self.home), *self._options]
        with self._log.open("wb") as log:
            keeper = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                cwd=_SOURCE_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in our terminal is ours alone
            )
        _started[keeper.pid] = keeper
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while keeper.poll() is None and time.monotonic() < deadline:
            if connection := self._find_keeper():
                return connection
            time.sleep(_POLL_SECONDS)
        raise EmbeddedServerError("The keeper of the bundled servers did not start.", log=self._log)


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            return b""
        line += part
    return line
