"""The background processes: `oodaloo worker` runs jobs, `oodaloo scheduler` rings for whatever is due."""

import asyncio
import contextlib
import os
import signal
import sys

from infra.embedded.servers import ServerAddresses, servers
from infra.jobs import worker as rq_worker
from infra.jobs.cron import Cron
from infra.jobs.outbox import QUEUES
from infra.jobs.sweeper import sweep_forever
from infra.log_proof.keeping_sealed import keep_sealing
from infra.log_proof.keeping_verified import LogVerifier
from infra.log_proof.settings import LogProofFiles
from infra.logging import configure_logging
from infra.priority import give_way
from runway import jobs  # loaded before the fork: every queue worker then starts with it in memory
from runway.schema import bring_to_head
from runway.settings import Settings
from runway.wiring import open_services

VERIFY = (sys.executable, "-m", "runway.cli", "log", "verify", "--json")


def run_worker(settings: Settings) -> None:
    """Serve every queue until SIGTERM or SIGINT."""
    configure_logging(level=settings.web.log_level, as_json=settings.web.log_json)
    with servers(settings.servers) as addresses:
        bring_to_head(settings.servers, addresses)
        os.environ.update(environment_of(addresses))
        give_way(settings.worker.prompt_niceness)  # only now: bundled servers that this process started are everybody's
        rq_worker.supervise(
            addresses.redis_url,
            queues=QUEUES,
            open_workplace=jobs.open_workplace,
            niceness=settings.worker.worker_niceness,
        )


def run_scheduler(settings: Settings) -> None:
    """Ring for due rows of the outbox, keep the schedule, seal the log and verify it, until SIGTERM or SIGINT."""
    configure_logging(level=settings.web.log_level, as_json=settings.web.log_json)
    with servers(settings.servers) as addresses:
        bring_to_head(settings.servers, addresses)
        give_way(settings.worker.worker_niceness)
        asyncio.run(_schedule(settings, addresses))


async def _schedule(settings: Settings, addresses: ServerAddresses) -> None:
    async with open_services(settings, addresses) as services:
        files = LogProofFiles.from_environment(settings.servers)
        verifier = LogVerifier(
            VERIFY,
            environment=environment_of(addresses),
            uow=services.jobs_uow,
            redis=services.redis,
            clock=services.clock,
        )
        duties = asyncio.gather(
            sweep_forever(services.jobs_uow, services.doorbell),
            Cron(jobs.CRON, uow=services.jobs_uow, redis_url=addresses.redis_url).keep(),
            keep_sealing(addresses.database_sealer_url, files, clock=services.clock),
            verifier.keep(),
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, duties.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await duties


def environment_of(addresses: ServerAddresses) -> dict[str, str]:
    return addresses.as_environment()
