"""`python -m benchmarks.soak.process CLOCK ARGUMENT…`: `oodaloo ARGUMENT…` in moved time, ending with the soak.

SOAK_JOB_LEASE says for how many seconds a job is believed under way whose worker was killed; without it, as in service.
"""

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from benchmarks.soak.moved_time import MovedTime
from infra.parent import end_with_parent

JOB_LEASE_VARIABLE = "SOAK_JOB_LEASE"


def main() -> None:
    end_with_parent()
    MovedTime(Path(sys.argv[1])).take_over()
    from runway import cli, jobs

    if seconds := os.environ.get(JOB_LEASE_VARIABLE):
        lease = timedelta(seconds=float(seconds))
        jobs.JOBS.update({name: replace(job, lease=lease) for name, job in jobs.JOBS.items()})
    sys.argv = ["oodaloo", *sys.argv[2:]]
    cli.main()


if __name__ == "__main__":
    main()
