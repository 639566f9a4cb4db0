"""What 429 costs a first sync: every eighth call is refused with `Retry-After: 1`, beside the same sync without."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from benchmarks.backfill import read_books, running_simulator_process
from benchmarks.report import Measure, at_most, reported
from benchmarks.rig import Rig, open_rig
from infra.clock import SystemClock
from infra.qbo.simulator.files.generator import write_large
from infra.qbo.simulator.files.large_company import LargeCompany

_COMPANY = LargeCompany(bills=25_000, invoices=14_000, vendors=300, customers=300, paid_share=0)
_RETRY_AFTER_SECONDS = 1
_ALLOWED_SHARE = 0.10
_RULE = {
    "rules": [
        {
            "name": "every-eighth",
            "match": {"every": 8},
            "effect": {"do": "answer", "status": 429, "retry_after_seconds": _RETRY_AFTER_SECONDS},
        }
    ]
}


async def run() -> Sequence[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("throttle", total=2)
        company, rules = rig.home / "company.json", rig.home / "trouble.json"
        write_large(_COMPANY, company, today=SystemClock().now().date())
        _write(rules)
        plain, _ = await asyncio.to_thread(_measure, rig, company, None)
        progress.advance(task)
        throttled, refused = await asyncio.to_thread(_measure, rig, company, rules)
        progress.advance(task)
    allowed = plain["seconds"] * (1 + _ALLOWED_SHARE) + refused * _RETRY_AFTER_SECONDS
    return (
        reported("throttle: a first sync", plain["seconds"], "s"),
        reported("throttle: calls", throttled["calls"], "calls", baseline=plain["calls"]),
        reported("throttle: answers 429", refused, "calls"),
        at_most(
            "throttle: every eighth call refused",
            throttled["seconds"],
            "s",
            bar=round(allowed, 2),
            baseline=plain["seconds"],
        ),
    )


def _write(rules: Path) -> None:
    rules.write_text(json.dumps(_RULE), encoding="utf-8")


def _measure(rig: Rig, company: Path, rules: Path | None) -> tuple[dict[str, Any], int]:
    """The child's report, and how many calls were answered 429."""
    options = [] if rules is None else ["--trouble", str(rules)]
    with running_simulator_process(rig.home, company, latency_ms=0, options=options) as info:
        report = read_books(rig, info)
        oracle = httpx.get(f"{info['base_url']}/admin/oracle", params={"limit": 10_000}, timeout=30).json()
    return report, sum(request["status"] == httpx.codes.TOO_MANY_REQUESTS for request in oracle["requests"])
