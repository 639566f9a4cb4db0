"""`python -m benchmarks.soak.process CLOCK ARGUMENT…`: `oodaloo ARGUMENT…` in moved time, ending with the soak.

SOAK_JOB_LEASE says for how many seconds a job is believed under way whose worker was killed; without it, as in service.
"""

import ctypes
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from benchmarks.soak.moved_time import MovedTime

JOB_LEASE_VARIABLE = "SOAK_JOB_LEASE"
_PR_SET_PDEATHSIG = 1


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    MovedTime(Path(sys.argv[1])).take_over()
    from runway import cli, jobs

    if seconds := os.environ.get(JOB_LEASE_VARIABLE):
        lease = timedelta(seconds=float(seconds))
        jobs.JOBS.update({name: replace(job, lease=lease) for name, job in jobs.JOBS.items()})
    sys.argv = ["oodaloo", *sys.argv[2:]]
    cli.main()


if __name__ == "__main__":
    main()
