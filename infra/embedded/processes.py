"""Starting and ending one server process, and finding what a crash has left behind."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infra.embedded.errors import EmbeddedServerError

START_SECONDS = 30.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.01
_LOG_BYTES = 5_000_000


def package_directory(name: str) -> Path:
    """Where a wheel was unpacked; found without importing it, which keeps the keeper small."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise OSError(f"The package {name} is not installed; install requirements/runtime.txt.")
    return Path(spec.origin).parent.resolve()


def launch(command: Sequence[str], *, log: Path, **popen_arguments: Any) -> subprocess.Popen[bytes]:
    """Start a server that writes to `log`, which is begun afresh once it is large."""
    mode = "wb" if log.exists() and log.stat().st_size > _LOG_BYTES else "ab"
    with log.open(mode) as output:
        return subprocess.Popen(  # noqa: S603 - a program of an installed wheel
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **popen_arguments
        )


def wait_until_ready(process: subprocess.Popen[bytes], *, is_ready: Callable[[], bool], log: Path) -> None:
    """Return once `is_ready`.

    Raises:
        EmbeddedServerError: the process ended first, or took longer than `START_SECONDS`; it no longer runs.
    """
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if process.poll() is not None:
            raise EmbeddedServerError(f"{_name(process)} ended with status {process.returncode}.", log=log)
        if time.monotonic() > deadline:
            end(process, signal.SIGKILL)
            raise EmbeddedServerError(f"{_name(process)} was not ready within {START_SECONDS:.0f} s.", log=log)
        time.sleep(_POLL_SECONDS)


def end(process: subprocess.Popen[bytes], *signals: signal.Signals) -> None:
    """Send each signal in turn until the process has ended; SIGKILL comes last by itself."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def end_leftovers(name: str, *, working_directory: Path) -> None:
    """End processes called `name` that work in the directory: what a killed keeper has left running.

    The caller holds the home's keeper lock, so none of them has an owner. A process id from a file would not do: after
    a restart of the machine or the container it may be somebody else's.
    """
    import psutil

    leftovers = [one for one in psutil.process_iter() if _is_leftover(one, name, working_directory)]
    for one in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGQUIT)
    for one in psutil.wait_procs(leftovers, timeout=STOP_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(leftovers, timeout=STOP_SECONDS)


def _is_leftover(process: Any, name: str, working_directory: Path) -> bool:
    import psutil

    try:
        return bool(process.name() == name) and Path(process.cwd()) == working_directory
    except (psutil.Error, OSError):
        return False


def _name(process: subprocess.Popen[bytes]) -> str:
    command = process.args
    return Path(command[0]).name if isinstance(command, list) else str(command)
