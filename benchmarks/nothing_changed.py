"""What it costs to find that nothing changed: calls, and processor time of the client and of PostgreSQL.

A refresh as the schedule makes it: is it time, does anybody else, one call for all changes, what the run saw. The simulator is
another process and is not counted.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from benchmarks.backfill import child_environment, company_file, running_simulator_process
from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from infra.qbo.simulator.files.large_company import LargeCompany

_SIZE = LargeCompany(bills=600, invoices=400, vendors=40, customers=40, paid_share=0.3)
_REFRESHES = 150
_EVERY = timedelta(minutes=15)


async def run(*, refreshes: int = _REFRESHES) -> Sequence[Measure]:
    with open_rig() as rig:
        return _measures(await asyncio.to_thread(_measure, rig, refreshes))


def _measure(rig: Rig, refreshes: int) -> dict[str, Any]:
    with running_simulator_process(rig.home, company_file(rig.home, _SIZE), latency_ms=0) as info:
        command = [sys.executable, "-m", "benchmarks.nothing_changed_child", str(rig.home), str(refreshes)]
        finished = subprocess.run(  # noqa: S603  # ours
            command, env=child_environment(rig, info), stdout=subprocess.PIPE, check=True
        )
    spent: dict[str, Any] = json.loads(finished.stdout)
    return spent


def _measures(spent: dict[str, Any]) -> Sequence[Measure]:
    """`spent` is of one refresh, in seconds."""
    return [
        at_most("nothing changed: calls to QuickBooks", spent["calls"], "calls", bar=1),
        reported("nothing changed: processor time, client", 1000 * spent["client"], "ms"),
        reported("nothing changed: processor time, PostgreSQL", 1000 * spent["server"], "ms"),
        reported(
            "nothing changed: companies that one core keeps fresh every 15 minutes",
            int(_EVERY.total_seconds() / (spent["client"] + spent["server"])),
            "companies",
        ),
    ]
