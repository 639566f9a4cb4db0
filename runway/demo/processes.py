"""The demo's child processes: started together, stopped together, never outliving the demo."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.errors import OodalooError
from infra.parent import end_with_parent

_STOP_WITHIN_SECONDS = 2.0  # what they would still finish is thrown away with the database
_LINES_SHOWN = 25
_NICE = 10


class ChildEnded(OodalooError):
    def __init__(self, name: str, *, log: Path) -> None:
        self.name = name
        super().__init__(f"The {name} stopped by itself.\n{_end_of(log)}")


class Children:
    """Each writes to `<directory>/<name>.log`. In sessions of their own, so that Ctrl-C reaches the demo alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._aside: set[str] = set()

    def start(
        self, name: str, arguments: Sequence[str], *, environment: Mapping[str, str], is_aside: bool = False
    ) -> None:
        """Run `oodaloo <arguments>`; the demo does not live without it, unless it `is_aside`: that may end, and yields to the others."""
        if is_aside:
            self._aside.add(name)
        with self._log(name).open("wb") as output:
            self._running[name] = subprocess.Popen(  # noqa: S603  # our own command line, in this interpreter
                [sys.executable, "-m", "runway.cli", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_yield_and_end_with_parent if is_aside else end_with_parent,  # noqa: PLW1509  # the demo has no threads when it starts its children
            )

    def check(self) -> None:
        """All that may not end are alive.

        Raises:
            ChildEnded: with the end of its log.
        """
        for name, process in self._running.items():
            if name not in self._aside and process.poll() is not None:
                raise ChildEnded(name, log=self._log(name))

    def is_running(self, name: str) -> bool:
        process = self._running.get(name)
        return process is not None and process.poll() is None

    def stop(self) -> None:
        """Ask all at once, wait a few seconds together, kill what is left."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + _STOP_WITHIN_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ends_of_logs(self) -> str:
        """The last lines that each has written, to be shown with a failure: the logs go with the demo's directory."""
        return "\n".join(_end_of(self._log(name)) for name in self._running)

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


def _yield_and_end_with_parent() -> None:
    os.nice(_NICE)
    end_with_parent()


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:] if log.exists() else []
    return "\n".join([f"The end of {log.name}:", *(f"  {line}" for line in lines)])
