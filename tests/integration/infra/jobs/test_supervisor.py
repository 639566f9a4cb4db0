import subprocess
import sys

import psutil
import pytest

SUPERVISE = """
import sys
from contextlib import asynccontextmanager
from infra.jobs.serving import Workplace
from infra.jobs.worker import supervise

@asynccontextmanager
async def nowhere():
    yield Workplace(jobs={}, context=None, uow=None, on_dead=None)

supervise(sys.argv[1], queues=["one", "another"], open_workplace=nowhere)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux' kernel tells a child that its parent has ended")
def test_no_queue_worker_outlives_its_supervisor(own_redis_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, own_redis_url]) as supervisor:  # noqa: S603 - our own words
        top = psutil.Process(supervisor.pid)
        try:
            while len(workers := top.children()) < 2:
                assert supervisor.poll() is None
        finally:
            supervisor.kill()
    assert psutil.wait_procs(workers, timeout=60)[1] == []
