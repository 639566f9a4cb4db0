"""What a process does when the one that started it is gone."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """On Linux, SIGTERM from the kernel as soon as the parent has ended; elsewhere an orphan has to be ended by hand.

    `parent`: its id where a child of its fork says this, which may be an orphan before it comes here.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
