"""Where a worker's processes die, told to them while they live: by a file that holds one point, in the words of OODALOO_CRASH_AT.

Starting a worker anew for each of a hundred deaths would take longer than the deaths. One strike a line; it is noted beside.
"""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from infra import crash_points

ARMED_VARIABLE = "PROOF_STRIKES"


@dataclass(frozen=True)
class Struck:
    point: str
    at: float  # epoch seconds
    pid: int


class Strikes:
    """The proof's side. `directory` is the one that the workers are told."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._armed, self._noted = directory / "armed", directory / "noted"

    def arm(self, point: str, nth: int = 1) -> None:
        unfinished = self._armed.with_suffix(".part")
        unfinished.write_text(f"{point}:{nth}")
        unfinished.replace(self._armed)

    def disarm(self) -> None:
        self._armed.unlink(missing_ok=True)

    def noted(self) -> list[Struck]:
        """All so far, in order."""
        if not self._noted.exists():
            return []
        lines = (line.split() for line in self._noted.read_text().splitlines())
        return [Struck(point, float(at), int(pid)) for point, at, pid in lines]


class _Strike:
    """In a process of the worker: dies at the armed point, when it comes there for the nth time since that was armed."""

    def __init__(self, directory: Path, process_name: str) -> None:
        self._armed, self._noted = directory / "armed", directory / "noted"
        self._process_name = process_name
        self._known, self._left = "", 0

    def __call__(self, name: str) -> None:
        if multiprocessing.current_process().name != self._process_name:
            return
        try:
            wanted = self._armed.read_text()
        except FileNotFoundError:
            self._known = ""
            return
        point, _, nth = wanted.partition(":")
        if wanted != self._known:
            self._known, self._left = wanted, int(nth)
        if name != point:
            return
        self._left -= 1
        if self._left > 0:
            return
        self._armed.unlink(missing_ok=True)
        with self._noted.open("a") as noted:
            noted.write(f"{name} {time.time()} {os.getpid()}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def die_when_struck(process_name: str) -> None:
    """From now on whoever multiprocessing calls so obeys, in whatever is forked from this process; in a worker, one queue's.

    A process that is armed by OODALOO_CRASH_AT keeps to that.
    """
    told = os.environ.get(ARMED_VARIABLE)
    if told is not None and crash_points.VARIABLE not in os.environ:
        # `hooked` is for a block, and this is for the process's life.
        crash_points._hook = _Strike(Path(told), process_name)  # noqa: SLF001
