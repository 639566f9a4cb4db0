"""`python -m benchmarks.paying.process PACE ARGUMENT…`: `oodaloo ARGUMENT…` whose actions have every duration times PACE.

What else takes time (the sweeps, limits, time-outs of calls) stays as it is in service, and so does the lease of an action's job unless
PROOF_JOB_LEASE says how many seconds it has. Where PROOF_STRIKES says so, a worker's processes die (`strikes.py`).
"""

import os
import sys
from dataclasses import replace
from datetime import timedelta

from benchmarks.paying.strikes import die_when_struck
from infra.actions.timing import ActionTiming
from infra.actions.workshop import WORK_JOB
from infra.parent import end_with_parent

JOB_LEASE_VARIABLE = "PROOF_JOB_LEASE"


def main() -> None:
    end_with_parent()
    pace = float(sys.argv[1])
    if pace != 1:
        set_pace(pace)
    from runway import cli, jobs

    if seconds := os.environ.get(JOB_LEASE_VARIABLE):
        shorter = replace(jobs.JOBS[WORK_JOB], lease=timedelta(seconds=float(seconds)))
        jobs.JOBS[WORK_JOB] = shorter
    die_when_struck("worker-actions")
    sys.argv = ["oodaloo", *sys.argv[2:]]
    cli.main()


def set_pace(pace: float) -> None:
    """What `ActionTiming()` is from now on in this process."""
    scaled = ActionTiming().scaled(pace)
    ActionTiming.__init__.__defaults__ = tuple(getattr(scaled, name) for name in ActionTiming.__dataclass_fields__)


if __name__ == "__main__":
    main()
