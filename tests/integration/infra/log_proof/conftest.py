from pathlib import Path

import pytest

from infra.db.roles import SEALER, url_of_role
from tests.rig import Database, RunServers, create_worker_database


@pytest.fixture(scope="module")
def log_database(servers: RunServers, worker_id: str) -> Database:
    """One of the module's own: a verification looks at all of it."""
    return create_worker_database(servers, f"oodaloo_log_{worker_id}")


@pytest.fixture(scope="module")
def sealer_url(log_database: Database) -> str:
    return url_of_role(log_database.app_url, SEALER)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log")
