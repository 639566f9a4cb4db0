"""`python -m benchmarks.paying.process PACE ARGUMENT…`: `oodaloo ARGUMENT…` whose actions have every duration times PACE.

What else takes time (leases of jobs, the sweeps, limits, time-outs of calls) stays as it is in service.
"""

import sys

from benchmarks.paying.ends_with_parent import end_with_parent
from infra.actions.timing import ActionTiming


def main() -> None:
    end_with_parent()
    pace = float(sys.argv[1])
    if pace != 1:
        set_pace(pace)
    from runway import cli

    sys.argv = ["oodaloo", *sys.argv[2:]]
    cli.main()


def set_pace(pace: float) -> None:
    """What `ActionTiming()` is from now on in this process."""
    scaled = ActionTiming().scaled(pace)
    ActionTiming.__init__.__defaults__ = tuple(getattr(scaled, name) for name in ActionTiming.__dataclass_fields__)


if __name__ == "__main__":
    main()
