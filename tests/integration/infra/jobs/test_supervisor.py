"""Queue workers as their supervisor keeps them: stopped, worn out, orphaned."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from benchmarks.sessions import stop_session
from infra.jobs.doorbell import Doorbell
from infra.jobs.outbox import Ring
from infra.jobs.queue_worker import RING_ENTRY
from tests.rig import Database

SUPERVISE = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.jobs import queue_worker
from infra.jobs.execution import JobDefinition
from infra.jobs.serving import Workplace
from infra.jobs.worker import supervise

redis_url, database_url, told = sys.argv[1:]
queue_worker._MOST_ROWS = 2

async def tell(_context):
    with open(told, "a") as file:
        print(os.getpid(), file=file)

async def hang(_context):
    await tell(_context)
    await asyncio.Event().wait()

async def tell_nobody(_dead, _error): ...

JOBS = {"tell": JobDefinition(queue="sync", run=tell), "hang": JobDefinition(queue="sync", run=hang)}

@asynccontextmanager
async def open_workplace():
    engine = create_engine(database_url, pool_size=2)
    yield Workplace(jobs=JOBS, context=None, uow=unit_of_work_factory(engine), on_dead=tell_nobody)
    await engine.dispose()

supervise(redis_url, queues=["sync", "bulk"], open_workplace=open_workplace)
"""
PATIENCE_SECONDS = 60.0


@contextmanager
def supervising(
    database: Database, redis_url: str, told: Path = Path("/dev/null")
) -> Iterator["subprocess.Popen[bytes]"]:
    arguments = [sys.executable, "-c", SUPERVISE, redis_url, database.jobs_url, str(told)]
    supervisor = subprocess.Popen(arguments, start_new_session=True)  # noqa: S603 - our own words
    try:
        yield supervisor
    finally:
        stop_session(supervisor)


def ask(database: Database, redis_url: str, job: str) -> int:
    """It is rung for once: nobody sweeps."""
    with connected(database) as connection:
        row = connection.execute(
            "INSERT INTO outbox (queue, job, arguments) VALUES ('sync', %s, '[]') RETURNING id", (job,)
        ).fetchone()
    assert row is not None
    doorbell = Doorbell(redis_url, function=RING_ENTRY)
    asyncio.run(doorbell.ring([Ring(row[0], "sync", attempts=0)]))
    doorbell.close()
    return int(row[0])


def standing_of(database: Database, outbox_id: int) -> tuple[int, bool, bool]:
    """Attempts, whether somebody has it, whether it is done."""
    with connected(database) as connection:
        row = connection.execute(
            "SELECT attempts, leased_until IS NOT NULL, finished_at IS NOT NULL FROM outbox WHERE id = %s", (outbox_id,)
        ).fetchone()
    assert row is not None
    return row


def connected(database: Database) -> "psycopg.Connection[tuple[int, bool, bool]]":
    url = make_url(database.jobs_url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def lines_of(told: Path, *, at_least: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(lines := told.read_text().split() if told.exists() else []) < at_least:
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)
    return lines


def test_stopped_it_gives_back_what_it_cannot_finish(
    own_database: Database, own_redis_url: str, tmp_path: Path
) -> None:
    with supervising(own_database, own_redis_url, tmp_path / "told") as supervisor:
        row = ask(own_database, own_redis_url, "hang")
        lines_of(tmp_path / "told", at_least=1)
        assert standing_of(own_database, row) == (1, True, False)
        supervisor.terminate()
        supervisor.wait(PATIENCE_SECONDS)
        assert standing_of(own_database, row) == (0, False, False)


def test_jobs_stay_in_one_process_until_it_is_worn_out(
    own_database: Database, own_redis_url: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    with supervising(own_database, own_redis_url, told):
        for number in range(4):
            ask(own_database, own_redis_url, "tell")
            lines_of(told, at_least=number + 1)
        first, second, third, fourth = lines_of(told, at_least=4)
        assert first == second != third == fourth


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux' kernel tells a child that its parent has ended")
def test_no_queue_worker_outlives_its_supervisor(own_database: Database, own_redis_url: str) -> None:
    with supervising(own_database, own_redis_url) as supervisor:
        top = psutil.Process(supervisor.pid)
        try:
            while len(workers := top.children()) < 2:
                assert supervisor.poll() is None
        finally:
            supervisor.kill()
        assert psutil.wait_procs(workers, timeout=60)[1] == []
