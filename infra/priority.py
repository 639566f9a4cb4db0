"""How much of a busy machine a process takes: what works behind the scenes gives way to what answers people."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")
_TRIES, _PAUSE_SECONDS = 3, 0.15  # the kernel takes one such wish in a tenth of a second, of all processes together


def give_way(steps: int) -> None:
    """Let processes of the usual priority go first, from here on and in whatever is forked from this one.

    Linux shares its cores between sessions before it looks at any process's niceness, so the session's own is set too; only by the
    one that leads it, or a terminal's other processes would be slowed down with it.

    Args:
        steps: of niceness, from 0 (no way given) to 19; each leaves about a fifth less of a core that others want.
    """
    if not steps:
        return
    os.nice(steps)
    if os.getsid(0) == os.getpid():
        _let_session_give_way(steps)


def _let_session_give_way(steps: int) -> None:
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, PermissionError):  # another system, or one whose containers share the cores
            try:
                _AUTOGROUP.write_text(str(steps), encoding="ascii")
            except BlockingIOError:
                time.sleep(_PAUSE_SECONDS)
                continue
        return
