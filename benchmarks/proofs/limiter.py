"""The limits under pressure: eight processes, a background that never lets go, and Redis restarted and emptied meanwhile.

The simulator counts what reaches it and answers 429 by itself as QuickBooks does. Every process runs the product's own client: users
ask seldom, with the patience of a read; the rest ask all the time.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.backfill import running_simulator_process
from benchmarks.report import BUILD, Measure, ProofResult, at_least, at_most, reported
from infra.embedded.valkey import EmbeddedValkey

MOST_IN_60_SECONDS, MOST_IN_1_SECOND, MOST_IN_FLIGHT = 490, 10, 10
_LATENCY_MS = 150
_DOWN_SECONDS = 1.5


@dataclass(frozen=True)
class Pressed:
    """What the processes saw, all together."""

    user_calls: int
    background_calls: int
    refused_users: int
    throttled: int
    longest_wait_ms: float
    p95_wait_ms: float
    median_wait_ms: float


async def run(*, processes: int = 8, seconds: float = 60) -> ProofResult:
    """Redis is restarted after a third of the time and emptied after two."""
    with _home() as home:
        run_directory = home / "run"
        run_directory.mkdir()
        valkey = EmbeddedValkey(home / "valkey", run=run_directory)
        with running_simulator_process(home, "demo", latency_ms=_LATENCY_MS) as info:
            valkey.start()
            try:
                pressed = await asyncio.to_thread(_press, home, valkey, processes=processes, seconds=seconds)
            finally:
                valkey.stop()
            density = _density(info)
    return ProofResult("limiter", _measures(pressed, density, processes=processes, seconds=seconds))


def _measures(pressed: Pressed, density: dict[str, int], *, processes: int, seconds: float) -> tuple[Measure, ...]:
    return (
        reported("limiter: processes", processes, "processes"),
        reported("limiter: background calls", pressed.background_calls, "calls"),
        at_least("limiter: users' calls", pressed.user_calls, "calls", bar=processes),
        at_least(
            "limiter: of the sustained rate used",
            (pressed.user_calls + pressed.background_calls) / seconds,
            "calls/s",
            bar=2,
        ),
        at_most("limiter: most in any 60 s", density["most_in_60_seconds"], "calls", bar=MOST_IN_60_SECONDS),
        at_most("limiter: most in any second", density["most_in_1_second"], "calls", bar=MOST_IN_1_SECOND),
        at_most("limiter: most in flight", density["most_in_flight"], "calls", bar=MOST_IN_FLIGHT),
        at_most("limiter: users refused", pressed.refused_users, "calls", bar=0),
        at_most("limiter: answers 429", pressed.throttled, "calls", bar=0),
        reported("limiter: a user's wait, half of them", pressed.median_wait_ms, "ms"),
        reported("limiter: a user's wait, 95 of 100", pressed.p95_wait_ms, "ms"),
        reported("limiter: a user's longest wait", pressed.longest_wait_ms, "ms"),
    )


def _press(home: Path, valkey: EmbeddedValkey, *, processes: int, seconds: float) -> Pressed:
    command = [sys.executable, "-m", "benchmarks.proofs.limiter_child", str(home / "simulator.json")]
    arguments = [f"unix://{valkey.address}", str(seconds), str(processes)]
    children = [
        subprocess.Popen(  # noqa: S603  # ours
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        time.sleep(seconds / 3)
        valkey.stop()
        time.sleep(min(_DOWN_SECONDS, seconds / 6))
        valkey.start()
        time.sleep(seconds / 3)
        _empty(valkey)
        reports = [json.loads(child.communicate(timeout=seconds + 60)[0]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.communicate()  # closes its pipes
    return _together(reports)


def _empty(valkey: EmbeddedValkey) -> None:
    import redis

    with redis.Redis(unix_socket_path=str(valkey.address)) as client:
        client.flushall()


def _together(reports: list[dict[str, Any]]) -> Pressed:
    waits = sorted(wait for report in reports for wait in report["waits_ms"])
    return Pressed(
        user_calls=len(waits),
        background_calls=sum(report["background_calls"] for report in reports),
        refused_users=sum(report["refused_users"] for report in reports),
        throttled=sum(report["throttled"] for report in reports),
        longest_wait_ms=waits[-1] if waits else 0.0,
        p95_wait_ms=waits[len(waits) * 95 // 100] if waits else 0.0,
        median_wait_ms=waits[len(waits) // 2] if waits else 0.0,
    )


def _density(info: Any) -> dict[str, int]:
    oracle = httpx.get(f"{info['base_url']}/admin/oracle", timeout=30).json()
    found: dict[str, int] = oracle["density"][info["realm_ids"][0]]
    return found


@contextmanager
def _home() -> Iterator[Path]:
    BUILD.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="limiter-", dir=BUILD)).resolve()
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
