"""A first sync of a large company through the simulator over HTTP: objects a second, calls spent, where the time goes, peak memory.

Simulator, PostgreSQL and the backfill are processes of their own, the limits are QuickBooks', and what runs is the product's whole
road: raw client, shared limiter, keyset paging, mirror_store, cursor. `benchmarks.backfill_child` is the measured process.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

from rich.progress import Progress

from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from infra.clock import SystemClock
from infra.errors import OodalooError
from infra.qbo.simulator.files.generator import write_large
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.worker import environment_of

_MOST_MEGABYTES = 300
_ADDED_LATENCY_MS = 200
# Vendors, customers and the chart make up the rest of 100,000 and 25,000 objects.
_LARGE = LargeCompany(bills=60_000, invoices=38_950, vendors=500, customers=500, paid_share=0)
_SMALL = LargeCompany(bills=15_000, invoices=8_950, vendors=500, customers=500, paid_share=0)


class SimulatorEnded(OodalooError):
    def __init__(self, log: Path) -> None:
        super().__init__(f"The simulator ended. It wrote:\n{log.read_text(errors='replace')}")


async def run() -> Sequence[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("backfill", total=3)
        results = {}
        for name, size, latency_ms in (("large", _LARGE, 0), ("slow", _LARGE, _ADDED_LATENCY_MS), ("small", _SMALL, 0)):
            results[name] = await asyncio.to_thread(_measure, rig, size, latency_ms=latency_ms)
            progress.advance(task)
    large, slow, small = results["large"], results["slow"], results["small"]
    shares = [reported(f"backfill: share of time in {part}", share, "%") for part, share in large["shares"].items()]
    return [
        reported("backfill: objects", large["seen"], "objects"),
        reported("backfill", large["seen"] / large["seconds"], "objects/s"),
        reported("backfill: calls spent", large["calls"], "calls"),
        *shares,
        reported(
            f"backfill, {_ADDED_LATENCY_MS} ms added to each call",
            slow["seen"] / slow["seconds"],
            "objects/s",
            baseline=large["seen"] / large["seconds"],
        ),
        at_most(
            "backfill: peak memory, 100,000 objects",
            large["peak_megabytes"],
            "MB",
            bar=_MOST_MEGABYTES,
            baseline=small["peak_megabytes"],
        ),
        at_most("backfill: peak memory, 25,000 objects", small["peak_megabytes"], "MB", bar=_MOST_MEGABYTES),
    ]


def _measure(rig: Rig, size: LargeCompany, *, latency_ms: int) -> dict[str, Any]:
    with running_simulator_process(rig.home, company_file(rig.home, size), latency_ms=latency_ms) as info:
        return read_books(rig, info)


def company_file(home: Path, size: LargeCompany) -> Path:
    """Written once."""
    company = home / f"company-{size.bills}.json"
    if not company.exists():
        write_large(size, company, today=SystemClock().now().date())
    return company


def read_books(rig: Rig, info: Mapping[str, Any], *options: str) -> dict[str, Any]:
    """A first sync of the simulator's first company, in a process of its own; what `benchmarks.backfill_child` tells of it."""
    command = [sys.executable, "-m", "benchmarks.backfill_child", str(_info_file(rig.home)), *options]
    finished = subprocess.run(  # noqa: S603  # ours
        command, env=child_environment(rig, info), stdout=subprocess.PIPE, check=True
    )
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def child_environment(rig: Rig, info: Mapping[str, Any]) -> dict[str, str]:
    """What a process needs to be the product on this rig, with the simulator for QuickBooks."""
    return {
        **environment_of(rig.addresses),
        "OODALOO_HOME": str(rig.home),
        "QBO_CLIENT_ID": info["client_id"],
        "QBO_CLIENT_SECRET": info["client_secret"],
        "QBO_API_URL": info["api_url"],
        "QBO_DISCOVERY_URL": info["discovery_url"],
    }


@contextmanager
def running_simulator_process(
    home: Path, company: str | Path, *, latency_ms: int, options: Sequence[str] = ()
) -> Iterator[Mapping[str, Any]]:
    """The simulator in a process of its own; what it writes for clients."""
    info_file, log = _info_file(home), home / "simulator.log"
    info_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "runway.cli", "simulator", "qbo", "--port", "0", "--latency-ms", str(latency_ms)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # ours
            [*command, *options, "--company", str(company), "--info", str(info_file)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while not info_file.exists():
            if process.poll() is not None:
                raise SimulatorEnded(log)
            sleep(0.1)
        yield json.loads(info_file.read_bytes())
    finally:
        process.terminate()
        process.wait(timeout=30)


def _info_file(home: Path) -> Path:
    return home / "simulator.json"
