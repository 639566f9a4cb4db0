"""A first sync beside dlt's: the same objects from the same simulator into the same PostgreSQL, in turns.

dlt (a library that loads REST sources into databases) reads pages by position, without a limit on its calls, and keeps what it reads.
Ours keeps QuickBooks' limits, loses nothing that is edited meanwhile, checks and fills typed columns, and writes the log.
Without dlt's environment (`make bench` installs it) there is nothing to stand beside, and the row says so.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from rich.progress import Progress
from sqlalchemy import make_url

from benchmarks.backfill import company_file, read_books, running_simulator_process
from benchmarks.report import Measure, at_least, at_most, reported
from benchmarks.rig import Rig, open_rig
from infra.embedded.postgres import SUPERUSER
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
Turn = tuple[Result, Result | None, Result | None]


async def run(*, size: LargeCompany = _SIZE, rounds: int = _ROUNDS, slow_rounds: int = _SLOW_ROUNDS) -> list[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("beside_dlt", total=3 * (rounds + slow_rounds))
        quick = await asyncio.to_thread(_turns, rig, size, rounds=rounds, latency_ms=0)
        progress.advance(task, 3 * rounds)
        slow = await asyncio.to_thread(_turns, rig, size, rounds=slow_rounds, latency_ms=_ADDED_LATENCY_MS)
        progress.advance(task, 3 * slow_rounds)
    ours_slow = median(ours["seconds"] / ours["seen"] for ours, _, _ in slow)
    return [
        *_beside("beside dlt", quick, bar=_TIMES_AS_FAST),
        *_beside(f"beside dlt, {_ADDED_LATENCY_MS} ms added to each call", slow, bar=None),
        at_most(
            f"{_OBJECTS:,} objects with {_ADDED_LATENCY_MS} ms added to each call",
            ours_slow * _OBJECTS,
            "s",
            bar=_SECONDS,
        ),
    ]


def _turns(rig: Rig, size: LargeCompany, *, rounds: int, latency_ms: int) -> list[Turn]:
    """Ours and dlt's, round by round: what disturbs the machine disturbs both. The simulator refuses nobody."""
    with running_simulator_process(
        rig.home, company_file(rig.home, size), latency_ms=latency_ms, options=("--no-limits",)
    ) as info:
        return [
            (
                read_books(rig, info),
                _read_with_dlt(rig, info, settings=FAST),
                _read_with_dlt(rig, info, settings=AS_IT_COMES),
            )
            for _ in range(rounds)
        ]


def _read_with_dlt(rig: Rig, info: Mapping[str, Any], *, settings: Mapping[str, Any]) -> Result | None:
    """None where dlt is not installed."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        return None
    database = make_url(rig.addresses.database_app_url)
    asked = {
        **settings,
        "entities": ENTITIES,
        "company_url": f"{info['api_url']}/v3/company/{info['realm_ids'][0]}/",
        "access_token": info["access_token"],
        "database": {
            "host": quote(str(database.query["host"]), safe=""),  # the socket's directory, as a URL has it
            "username": SUPERUSER,
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
    ours = median(_rate(mine) for mine, _, _ in turns)
    fast = [(mine, theirs) for mine, theirs, _ in turns if theirs is not None]
    plain = [(mine, theirs) for mine, _, theirs in turns if theirs is not None]
    if not fast or not plain:
        return [reported(f"{name}: ours (dlt is not installed: not measured)", ours, "objects/s")]
    objects = fast[0][1]["seen"]
    times = round(median(_rate(mine) / _rate(theirs) for mine, theirs in fast), 2)
    # As it comes it counts the rows of its tables for lists too: the same objects, in its time.
    beside_plain = median(_rate(mine) * theirs["seconds"] / objects for mine, theirs in plain)
    said = f"{name}: times as fast"
    return [
        reported(f"{name}: dlt {fast[0][1]['version']}", median(_rate(theirs) for _, theirs in fast), "objects/s"),
        reported(f"{name}: ours with the log", ours, "objects/s"),
        reported(said, times, "times") if bar is None else at_least(said, times, "times", bar=bar),
        reported(f"{said} as dlt as it comes", round(beside_plain, 2), "times"),
    ]


def _rate(result: Result) -> float:
    rate: float = result["seen"] / result["seconds"]
    return rate
