"""The product's processes as an operator runs them: web app, worker with its queues, scheduler. And what kills them."""

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.rig import Rig
from benchmarks.sessions import kill_session, members, stop_session
from benchmarks.soak.process import JOB_LEASE_VARIABLE
from infra.errors import OodalooError
from infra.qbo.simulator.server import SimulatorInfo
from runway.worker import environment_of

WEB, WORKER, SCHEDULER = "web", "worker", "scheduler"
VERIFIER_TOKEN = "soak-verifier"  # noqa: S105 - the simulator's
_READ_TIMEOUT_SECONDS = 2  # the product's own is 30: a silent call would take up most of a step


class ProcessEnded(OodalooError):
    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"The {name} ended by itself. Its log ends:\n{log.read_text(errors='replace')[-3000:]}")


class Machinery:
    """Each process writes to `<home>/<name>.log`."""

    def __init__(
        self, rig: Rig, info: SimulatorInfo, *, clock_file: Path, job_lease_seconds: float | None, seed: int
    ) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kills = 0
        self._home = rig.home
        self._clock_file = clock_file
        self._draw = random.Random(f"{seed}:kills")  # noqa: S311 - chooses whom it befalls
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **environment_of(rig.addresses), **_simulator_settings(info),
            "OODALOO_HOME": str(rig.home), "OODALOO_PUBLIC_URL": self.url,
            "OODALOO_WORKER_NICENESS": "0",  # QuickBooks and its people run on this machine, too: workers that give way would give way to them
            "OODALOO_LOG_LEVEL": "INFO", "OODALOO_LOG_JSON": "true",
            **({} if job_lease_seconds is None else {JOB_LEASE_VARIABLE: str(job_lease_seconds)}),
        }  # fmt: skip

    def start(self, *, workers: int) -> None:
        self._start(WEB, "serve", "--port", str(self.port))
        for number in range(workers):
            self._start(f"{WORKER}-{number}", "worker")
        self._start(SCHEDULER, "scheduler")

    def check(self) -> None:
        """Raises:
        ProcessEnded: by itself.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessEnded(name, self.log(name))

    def kill(self) -> str:
        """SIGKILL to a worker: one process of it, or, one time in three, all of them; what was killed."""
        self.kills += 1
        worker = self._draw.choice([name for name in self._running if name.startswith(WORKER)])
        _, *family = members(self._running[worker].pid)
        if family and self._draw.random() < 2 / 3:
            victim = self._draw.choice(family)
            with contextlib.suppress(psutil.NoSuchProcess):  # it had finished
                victim.kill()
            return f"process {victim.pid} of {worker}"
        kill_session(self._running[worker].pid)
        self._running[worker].wait()
        self._start(worker, "worker")
        return worker

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            stop_session(process)

    def megabytes(self) -> float:
        """Resident, of all of them with their children; shared pages count for each."""
        total = 0
        for process in self._running.values():
            top = psutil.Process(process.pid)
            for each in (top, *top.children(recursive=True)):
                try:
                    total += each.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
        return total / 1024**2

    def log(self, name: str) -> Path:
        return self._home / f"{name}.log"

    def logs(self) -> list[Path]:
        return [self.log(name) for name in self._running]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """An `oodaloo` command to its end."""
        return subprocess.run(  # noqa: S603 - ours
            self._command(*arguments),
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _start(self, name: str, *arguments: str) -> None:
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(  # noqa: S603 - ours
                self._command(*arguments),
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.soak.process", str(self._clock_file), *arguments]


def _simulator_settings(info: SimulatorInfo) -> Mapping[str, str]:
    return {
        "QBO_CLIENT_ID": info.client_id, "QBO_CLIENT_SECRET": info.client_secret, "QBO_API_URL": info.api_url,
        "QBO_DISCOVERY_URL": info.discovery_url, "QBO_WEBHOOK_VERIFIER_TOKENS": VERIFIER_TOKEN,
        "QBO_READ_TIMEOUT": f"PT{_READ_TIMEOUT_SECONDS}S",
    }  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
