"""Whoever was started in a session of its own, with all that it has started, however deep: orphans keep their session."""

import os
import signal
import subprocess
import time

import psutil


def members(leader: int) -> list[psutil.Process]:
    """The leader first: once it is ended it starts nobody anew. None that has ended and is still to be waited for."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader and (process := psutil.Process(pid)).status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return sorted(found, key=lambda process: process.pid != leader)


def kill_session(leader: int) -> None:
    """SIGKILL, again and again until nobody is left: a process may be forking just now."""
    while family := members(leader):
        for process in family:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.01)


def stop_session(leader: "subprocess.Popen[bytes]", *, within_seconds: float = 10) -> None:
    """Ask it to end; what is left then is killed."""
    leader.terminate()
    try:
        leader.wait(timeout=within_seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        kill_session(leader.pid)
        leader.wait()
