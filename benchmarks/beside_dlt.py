"""A first sync beside dlt's: the same objects from the same simulator into the same PostgreSQL, in turns.

dlt (a library that loads REST sources into databases) reads pages by position, without a limit on its calls, and keeps what it reads.
Ours loses nothing that is edited meanwhile, checks and fills typed columns, and writes the log. The simulator refuses nobody, and so ours
is measured without QuickBooks' limits, and once more as in service, with them: ten calls a second are 10,000 objects, whatever reads them.
Without dlt's environment (`make bench` installs it) there is nothing to stand beside, and the row says so.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
from rich.progress import Progress

from benchmarks.backfill import company_file, read_books, running_simulator_process
from benchmarks.report import Measure, at_least, at_most, reported
from benchmarks.rig import Rig, open_rig, superuser_url
from infra.ids import new_id
from infra.qbo.simulator.files.large_company import LargeCompany

ENVIRONMENT = Path(sys.prefix) / "dlt"
ENTITIES = ("Account", "Vendor", "Customer", "Bill", "BillPayment", "Invoice", "Payment")
_SIZE = LargeCompany(bills=20_000, invoices=14_000, vendors=1_270, customers=1_270, paid_share=0.15)
_ROUNDS, _SLOW_ROUNDS = 3, 2
_ADDED_LATENCY_MS = 200
_TIMES_AS_FAST = 2.5
_OBJECTS, _SECONDS = 41_700, 9.0
# Two cores: one normalizer for each. Files of 5,000 rows give both of them, and the loaders, something to do.
FAST = {
    "extract_workers": 7, "normalize_workers": 2, "load_workers": 4, "file_max_items": 5_000, "file_format": "csv",
    "lists_stay_json": True,
}  # fmt: skip
# Tables for lists, statements of INSERT: what it does when nobody says anything.
AS_IT_COMES = FAST | {"file_format": "insert_values", "lists_stay_json": False}

Result = dict[str, Any]
R = TypeVar("R")


@dataclass(frozen=True)
class Turn:
    """One round: ours without limits and within them; dlt as it comes and at its fastest, None where it is not installed."""

    ours: Result
    within_limits: Result
    plain: Result | None
    fast: Result | None


async def run(*, size: LargeCompany = _SIZE, rounds: int = _ROUNDS, slow_rounds: int = _SLOW_ROUNDS) -> list[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("beside_dlt", total=4 * (rounds + slow_rounds))
        quick = await asyncio.to_thread(_turns, rig, size, rounds=rounds, latency_ms=0)
        progress.advance(task, 4 * rounds)
        slow = await asyncio.to_thread(_turns, rig, size, rounds=slow_rounds, latency_ms=_ADDED_LATENCY_MS)
        progress.advance(task, 4 * slow_rounds)
    ours_slow = median(1 / _rate(turn.within_limits) for turn in slow)
    return [
        *_beside("beside dlt", quick, bar=_TIMES_AS_FAST),
        *_beside(f"beside dlt, {_ADDED_LATENCY_MS} ms added to each call", slow, bar=None),
        at_most(
            f"{_OBJECTS:,} objects with {_ADDED_LATENCY_MS} ms added to each call, within the limits",
            ours_slow * _OBJECTS,
            "s",
            bar=_SECONDS,
        ),
    ]


def _turns(rig: Rig, size: LargeCompany, *, rounds: int, latency_ms: int) -> list[Turn]:
    """Round by round: what disturbs the machine disturbs all."""
    with running_simulator_process(
        rig.home, company_file(rig.home, size), latency_ms=latency_ms, options=("--no-limits",)
    ) as info:
        return [
            Turn(
                ours=_on_quiet(rig, lambda: read_books(rig, info, "--unlimited")),
                within_limits=_on_quiet(rig, lambda: read_books(rig, info)),
                plain=_on_quiet(rig, lambda: _read_with_dlt(rig, info, settings=AS_IT_COMES)),
                fast=_on_quiet(rig, lambda: _read_with_dlt(rig, info, settings=FAST)),
            )
            for _ in range(rounds)
        ]


def _on_quiet(rig: Rig, read: Callable[[], R]) -> R:
    """What the one before left for the server to do (to vacuum, to write) is done first, or the next one would pay for it."""
    with psycopg.connect(superuser_url(rig.addresses).render_as_string(hide_password=False), autocommit=True) as root:
        root.execute("VACUUM ANALYZE")
        root.execute("CHECKPOINT")
    return read()


def _read_with_dlt(rig: Rig, info: Mapping[str, Any], *, settings: Mapping[str, Any]) -> Result | None:
    """None where dlt is not installed."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        return None
    database = superuser_url(rig.addresses)
    asked = {
        **settings,
        "entities": ENTITIES,
        "company_url": f"{info['api_url']}/v3/company/{info['realm_ids'][0]}/",
        "access_token": info["access_token"],
        "database": {
            "host": quote(str(database.query["host"]), safe=""),  # the socket's directory, as a URL has it
            "username": database.username,
            "password": "-",
            "database": database.database,
        },
        "dataset": f"dlt_{new_id().hex}",
        "directory": str(rig.home),
    }
    finished = subprocess.run(  # noqa: S603  # ours
        [str(python), str(Path(__file__).with_name("dlt_child.py"))],
        input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    result: Result = json.loads(finished.stdout.splitlines()[-1])
    return result


def _beside(name: str, turns: Sequence[Turn], *, bar: float | None) -> list[Measure]:
    """Ratios are of the same round."""
    ours = [
        reported(f"{name}: ours with the log", median(_rate(turn.ours) for turn in turns), "objects/s"),
        reported(f"{name}: the same within the limits", median(_rate(turn.within_limits) for turn in turns), "objects/s"),
    ]  # fmt: skip
    beside = [(turn.ours, turn.plain, turn.fast) for turn in turns if turn.plain is not None and turn.fast is not None]
    if not beside:
        return [*ours, reported(f"{name}: dlt is not installed: not measured", 0, "objects/s")]
    objects = beside[0][2]["seen"]  # as it comes it counts the rows of its tables for lists too
    plain = [objects / one["seconds"] for _, one, _ in beside]
    times = [_rate(mine) / rate for (mine, _, _), rate in zip(beside, plain, strict=True)]
    said, found = f"{name}: times as fast as dlt as it comes", round(median(times), 2)
    return [
        *ours,
        reported(f"{name}: dlt {beside[0][1]['version']} as it comes", median(plain), "objects/s"),
        reported(f"{name}: dlt at its fastest", median(_rate(fast) for _, _, fast in beside), "objects/s"),
        reported(said, found, "times") if bar is None else at_least(said, found, "times", bar=bar),
        reported(
            f"{name}: times as fast as dlt at its fastest",
            round(median(_rate(mine) / _rate(fast) for mine, _, fast in beside), 2),
            "times",
        ),
    ]


def _rate(result: Result) -> float:
    rate: float = result["seen"] / result["seconds"]
    return rate
