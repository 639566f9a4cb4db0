"""Users of a home in processes of their own, and what runs for a home."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_USER = """
import signal, sys
from infra.config import ServerSettings
from infra.embedded.servers import servers
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where a shell began the tests behind itself
with servers(ServerSettings()) as addresses:
    print(addresses.database_app_url, flush=True)
    sys.stdin.read()
"""
_PATIENCE_SECONDS = 100


@contextmanager
def user_process(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds the home's servers until its stdin is closed, and the URL it was given."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OODALOO_")}
    command = [sys.executable, "-c", _USER]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        command,
        env=environment | {"OODALOO_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(_PATIENCE_SECONDS) == 0


def processes_of(home: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _belongs(process, home)]


def _belongs(process: psutil.Process, home: Path) -> bool:
    try:
        works_there = Path(process.cwd()).is_relative_to(home)
        return process.status() != psutil.STATUS_ZOMBIE and (works_there or str(home) in process.cmdline())
    except (psutil.Error, OSError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(0.02)
