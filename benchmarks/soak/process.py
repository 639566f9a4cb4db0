"""`python -m benchmarks.soak.process CLOCK ARGUMENT…`: `oodaloo ARGUMENT…` in moved time, ending with the soak."""

import ctypes
import signal
import sys
from pathlib import Path

from benchmarks.soak.moved_time import MovedTime

_PR_SET_PDEATHSIG = 1


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    MovedTime(Path(sys.argv[1])).take_over()
    from runway import cli

    sys.argv = ["oodaloo", *sys.argv[2:]]
    cli.main()


if __name__ == "__main__":
    main()
