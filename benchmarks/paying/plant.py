"""The product's processes as an operator runs them, and the simulator's: started, killed, stopped."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.sessions import kill_session, stop_session
from infra.errors import OodalooError

WEB, WORKER, SCHEDULER = "web", "worker", "scheduler"


class ProcessEnded(OodalooError):
    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"The {name} ended by itself. Its log ends:\n{log.read_text(errors='replace')[-3000:]}")


class Plant:
    """Each process writes to `<home>/<name>.log`."""

    def __init__(self, home: Path, environment: Mapping[str, str], *, pace: float = 1.0) -> None:
        self.home = home
        self.environment = dict(environment)
        self._pace = pace
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """`oodaloo ARGUMENT…`."""
        self.start_module(name, "benchmarks.paying.process", str(self._pace), *arguments, environment=environment)

    def start_module(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **self.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self, name: str) -> None:
        """Raises:
        ProcessEnded: by itself.
        """
        if self.has_ended(name):
            raise ProcessEnded(name, self.log(name))

    def has_ended(self, name: str) -> bool:
        return self._running[name].poll() is not None

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL to it and all that it has started."""
        process = self._running.pop(name)
        kill_session(process.pid)
        process.wait()

    def stop(self, *names: str) -> None:
        """Those, or all, the first started last: asked to, and killed when they do not."""
        for name in names or tuple(reversed(self._running)):
            stop_session(self._running.pop(name))

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
