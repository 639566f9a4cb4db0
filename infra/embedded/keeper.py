"""The process that keeps a home's servers: started by their first user, it stops them when the last one has gone.

A user is a connection to the keeper's socket. The kernel closes it however the user ends, SIGKILL included, so nobody
is counted who is not there, and no user's own signals or crash reach the servers: the keeper has a session of its own.
Everything here is the standard library: this process stays around, so it stays small.
"""

import fcntl
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.run_directory import new_run_directory, remove_run_directory
from infra.embedded.valkey import EmbeddedValkey

SOCKET_NAME = "keeper.sock"
HELLO = "hello"
LAST = b"stopped\n"  # to the user who leaves last, once all servers have stopped
SHARED = b"shared\n"  # to one who leaves while others stay
_FIRST_USER_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_REQUEST_BYTES = 64


class Keeper:
    """Answers each request, a server's name and a newline, with one line of JSON: `address` or `error`. `HELLO` gets our process id."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        self._home = home
        self._run = new_run_directory()
        self._servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {
            "postgres": EmbeddedPostgres(home, run=self._run, durable=durable),
            "valkey": EmbeddedValkey(home, run=self._run),
        }
        self._running: dict[str, str] = {}
        self._users: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()

    def keep(self) -> None:
        """Serve until the last user has gone, a server has died by itself, or somebody asks us to end."""
        leaving: socket.socket | None = None
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self._run / SOCKET_NAME))
                listener.listen(64)
                self._selector.register(listener, selectors.EVENT_READ)
                self._publish()
                leaving = self._serve(listener)
        finally:
            self._stop()
            if leaving is not None:
                _answer(leaving, LAST)
                leaving.close()

    def _serve(self, listener: socket.socket) -> socket.socket | None:
        """Returns the user who left last and waits to hear that all has stopped; None when we end for another reason."""
        patience = _FIRST_USER_SECONDS
        while True:
            events = self._selector.select(patience)
            if not events and not self._all_is_well():
                return None
            for key, _ in events:
                if key.fileobj is listener:
                    self._welcome(listener)
                elif isinstance(key.fileobj, socket.socket) and not self._attend(key.fileobj):
                    if not self._users:
                        return key.fileobj
                    _answer(key.fileobj, SHARED)
                    key.fileobj.close()
            patience = _LOOK_SECONDS

    def _all_is_well(self) -> bool:
        """Somebody is here, the home has not been deleted under us, and what we started still runs."""
        is_there = (self._home / "keeper.lock").exists()
        return bool(self._users) and is_there and not any(self._servers[name].has_ended() for name in self._running)

    def _welcome(self, listener: socket.socket) -> None:
        user, _ = listener.accept()
        user.settimeout(5)
        self._users.add(user)
        self._selector.register(user, selectors.EVENT_READ)

    def _attend(self, user: socket.socket) -> bool:
        """Answer one request; False when the user has gone."""
        try:
            name = user.recv(_REQUEST_BYTES).decode().strip()
        except OSError:
            name = ""
        if not name:
            self._selector.unregister(user)
            self._users.remove(user)
            return False
        try:
            answer = {"keeper": os.getpid()} if name == HELLO else {"address": self._address(name)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the user who waits must be told
            answer = {"error": str(error)}
        _answer(user, json.dumps(answer).encode() + b"\n")
        return True

    def _address(self, name: str) -> str:
        if name not in self._running:
            server = self._servers[name]
            server.start()
            self._running[name] = str(server.address)
        return self._running[name]

    def _publish(self) -> None:
        """`<home>/run` leads to our sockets; the directory of a keeper that was killed is removed."""
        link, fresh = self._home / "run", self._home / "run.new"
        if link.is_symlink():
            remove_run_directory(link.readlink())
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._run)
        fresh.replace(link)

    def _stop(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second request must not cut the first one short
        for server in reversed(self._servers.values()):
            server.stop()
        remove_run_directory(self._run)


def _answer(user: socket.socket, line: bytes) -> None:
    try:
        user.sendall(line)
    except OSError:
        return  # gone without waiting: killed


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    home = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lock = os.open(home / "keeper.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # waits for the last keeper to finish; held until this process is gone
    Keeper(home, durable="--not-durable" not in sys.argv).keep()


if __name__ == "__main__":
    main()
