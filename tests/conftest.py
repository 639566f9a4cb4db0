import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest
import structlog
from httpx._transports import default

from infra.embedded.attachment import Attachment
from tests.rig import (
    HOME_VARIABLE,
    Database,
    RunHome,
    RunServers,
    close_network,
    create_worker_database,
    emptied,
    unused_database,
    unused_number,
    worker_number,
)

_run_home = pytest.StashKey[RunHome]()


def pytest_configure(config: pytest.Config) -> None:
    close_network()
    _read_certificates_once()
    _print_logs_plainly()
    if not hasattr(config, "workerinput"):
        config.stash[_run_home] = RunHome()


def pytest_collectstart() -> None:
    """Importing and collecting make next to no garbage, and looking for it walks all there is."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Thousands of tests and what they import are no garbage; unfrozen, each full collection would walk them all."""
    gc.collect()
    gc.freeze()
    gc.enable()
    # Each application that a test ends would thaw all of it again.
    vars(gc).update(freeze=_leave_as_it_is, unfreeze=_leave_as_it_is)


def _leave_as_it_is() -> None:
    pass


def pytest_unconfigure(config: pytest.Config) -> None:
    if home := config.stash.get(_run_home, None):
        home.remove()


def _read_certificates_once() -> None:
    """httpx reads all authorities anew for each client, a twentieth of a second each time, and no test speaks TLS."""
    vars(default)["create_ssl_context"] = cache(httpx.create_ssl_context)


def _print_logs_plainly() -> None:
    """structlog's default prints the local variables of every frame of an error: a tenth of a second each time."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session")
def servers() -> Iterator[RunServers]:
    """The run's PostgreSQL and Valkey, shared by all workers."""
    with Attachment(Path(os.environ[HOME_VARIABLE]) / "servers", durable=False) as attachment:
        yield RunServers(attachment)


@pytest.fixture(scope="session")
def database(servers: RunServers, worker_id: str) -> Database:
    """This worker's own database, migrated. Tests commit for real, so each makes its own business."""
    return create_worker_database(servers, f"oodaloo_{worker_id}")


@pytest.fixture
def own_database(servers: RunServers) -> Iterator[Database]:
    """A database that no test has used, and none will: for whoever runs real workers, which would take up what others asked for
    and left.
    """
    with unused_database(servers) as database:
        yield database


@pytest.fixture
def redis_url(servers: RunServers, worker_id: str) -> str:
    """This worker's own database number in Valkey, empty."""
    return emptied(servers.redis_url(worker_number(worker_id)))


@pytest.fixture
def own_redis_url(servers: RunServers) -> str:
    """A database number in Valkey that no test has used: whoever listened to another's rings would swallow them."""
    return emptied(servers.redis_url(unused_number(servers)))
