"""What sealing costs `mirror_store`, and how fast the sealer is. The sealer is a process of its own, as in production.

Rounds with and without it take turns on the same database and machine; each stores new and changed bills for some seconds. One core more
than the store needs is assumed: it uses one at a time, on this side or on PostgreSQL's.
"""

import asyncio
import gc
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from rich.progress import Progress

from benchmarks.bills import PAGE, Page, make_pages
from benchmarks.mirror_store import delivery_of
from benchmarks.report import Measure, at_least, at_most, reported
from benchmarks.rig import Rig, open_rig
from domains.ap.mirrors import BILLS_FROM_QBO
from infra.clock import SystemClock
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.log_proof.lag import sealing_lag
from infra.log_proof.sealer import Sealer, open_connection
from infra.log_proof.settings import LogProofFiles, LogProofSettings
from infra.sync import mirror_store

PAGES = 40
ROUNDS = 6
_BAR = 0.95
_LAG_BAR_SECONDS = 5.0


async def run(*, pages: int = PAGES, rounds: int = ROUNDS) -> list[Measure]:
    made = make_pages(pages)
    gc.freeze()
    ratios, without, sealed, lags = [], [], [], []
    with open_rig() as rig, tempfile.TemporaryDirectory(prefix="oodaloo-log-") as directory, Progress() as progress:
        task = progress.add_task("log_seal", total=2 * rounds)
        files = LogProofFiles(LogProofSettings(), Path(directory))
        engine = create_engine(rig.addresses.database_app_url, pool_size=1)
        uow = unit_of_work_factory(engine)
        await _store(uow, made)  # the first pages of a new database are slower
        rates = [_seal_all(rig, files)]
        for number in range(rounds):
            pair = {}
            for is_sealing in (number % 2 == 0, number % 2 == 1):
                if is_sealing:
                    with _sealer_process(rig, directory):
                        pair[True] = await _store(uow, made)
                        lags.append(_lag(rig))
                else:
                    pair[False] = await _store(uow, made)
                    rates.append(_seal_all(rig, files))
                progress.advance(task)
            ratios.append(pair[True] / pair[False])
            without.append(pair[False])
            sealed.append(pair[True])
        await engine.dispose()
    return [
        at_least("mirror_store while the sealer runs, over without it", median(ratios), "ratio", bar=_BAR),
        reported(
            "mirror_store, new and changed, with the sealer", median(sealed), "objects/s", baseline=median(without)
        ),
        at_most("unsealed at the end of a full-rate run, oldest", max(lags), "s", bar=_LAG_BAR_SECONDS),
        at_least("sealing a backlog", median(rates), "rows/s", bar=round(median(without))),
    ]


async def _store(uow: UnitOfWorkFactory, pages: Sequence[Page]) -> float:
    """A new business's bills, new and then changed; objects a second."""
    business_id, started = new_id(), perf_counter()
    for phase in ("new", "changed"):
        for page in pages:
            objects = page.objects() if phase == "new" else page.changed_objects()
            async with uow([business_id]) as unit:
                await mirror_store.store(unit.session, BILLS_FROM_QBO, delivery_of(business_id, objects, phase=phase))
    return 2 * PAGE * len(pages) / (perf_counter() - started)


def _seal_all(rig: Rig, files: LogProofFiles) -> float:
    """Rows a second."""
    with open_connection(rig.addresses.database_sealer_url) as connection:
        sealer, rows, started = (
            Sealer(connection, key=files.key(), file=files.checkpoints, clock=SystemClock()),
            0,
            perf_counter(),
        )
        while True:
            done = sealer.seal()
            if done:
                rows += done.rows
            if done and done.is_last:
                return rows / (perf_counter() - started)


def _lag(rig: Rig) -> float:
    with open_connection(rig.addresses.database_sealer_url) as connection:
        return sealing_lag(connection).total_seconds()


@contextmanager
def _sealer_process(rig: Rig, directory: str) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.log_seal", rig.addresses.database_sealer_url, directory]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own interpreter and module
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "the sealer did not start"
        yield
        sleep(3)
    finally:
        process.terminate()
        process.wait()


def _serve(url: str, directory: str) -> None:
    from infra.log_proof.keeping_sealed import keep_sealing

    print("ready", flush=True)
    asyncio.run(keep_sealing(url, LogProofFiles(LogProofSettings(), Path(directory)), clock=SystemClock()))


if __name__ == "__main__":
    _serve(*sys.argv[1:])
