"""Servers of a benchmark's own, with the settings that users get: nothing is switched off to look fast."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import psutil
from redis import Redis
from rich.progress import Progress
from sqlalchemy import URL, make_url

from benchmarks.report import BUILD
from infra.config import ServerSettings
from infra.db.migrate import migrate
from infra.embedded.postgres import SUPERUSER
from infra.embedded.servers import ServerAddresses, servers


@dataclass(frozen=True)
class Rig:
    """Migrated, durable servers in a new home below build/, which goes with them."""

    home: Path
    addresses: ServerAddresses

    def database_processes(self) -> list[psutil.Process]:
        """The postmaster and every process it has started so far."""
        status = (self.home / "postgres" / "postmaster.pid").read_text(encoding="utf-8")
        postmaster = psutil.Process(int(status.split("\n", 1)[0]))
        return [postmaster, *postmaster.children(recursive=True)]


def plain_url(url: str) -> str:
    """As the driver reads it: without SQLAlchemy's name of the driver."""
    return _plain(url).render_as_string(hide_password=False)


def superuser_url(addresses: ServerAddresses) -> URL:
    """The bundled server's superuser, who sees every business's rows; as the driver reads it."""
    return _plain(addresses.database_app_url).set(username=SUPERUSER)


def _plain(url: str) -> URL:
    return make_url(url).set(drivername="postgresql")


@contextmanager
def open_rig(*, durable: bool = True) -> Iterator[Rig]:
    """Start the bundled servers, whatever the environment names: the figures must mean the same everywhere.

    Not durable they are for proofs that neither measure them nor end them.
    """
    BUILD.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD)).resolve()
    try:
        with servers(ServerSettings(home=home, database_url=None, redis_url=None), durable=durable) as addresses:
            migrate(addresses.database_owner_url)
            vouch_for(addresses.redis_url)
            yield Rig(home, addresses)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def open_shown_rig(what: str, *, total: int) -> Iterator[tuple[Rig, Callable[[int], None]]]:
    """As `open_rig`, under a bar: the second is told how many of `total` are done."""
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task(what, total=total)
        yield rig, lambda done: progress.update(task, completed=done)


def vouch_for(redis_url: str) -> None:
    """Nobody called any company before: without a word the limiter takes a new Redis for one that lost its memory, and waits."""
    script = (files("infra.ratelimit") / "permit.lua").read_text(encoding="utf-8")
    with Redis.from_url(redis_url) as redis:
        redis.script_load(script)
        redis.set("limit:{qbo}:begun", 1)


@contextmanager
def one_core(processes: list[psutil.Process]) -> Iterator[bool]:
    """Keep these processes and this one on a single core; False where the system cannot."""
    everyone = [psutil.Process(), *processes]
    if not hasattr(psutil.Process, "cpu_affinity"):
        yield False
        return
    before = everyone[0].cpu_affinity()
    _keep_on(everyone, before[-1:])
    try:
        yield True
    finally:
        _keep_on(everyone, before)


def processor_seconds(processes: list[psutil.Process]) -> float:
    """What they have used since each began; in steps of some 10 ms, so only a sum over many pages means something."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _keep_on(processes: list[psutil.Process], cores: list[int]) -> None:
    for process in processes:
        try:
            process.cpu_affinity(cores)
        except psutil.NoSuchProcess:
            continue  # an autovacuum worker that has finished
