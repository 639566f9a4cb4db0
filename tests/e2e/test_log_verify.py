"""`oodaloo log verify` as it is mounted: the mirrors are compared with the log that was proved."""

import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from infra.clock import SystemClock
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.log_proof.keeping_verified import LogVerifier
from infra.log_proof.lag import sealing_lag
from infra.log_proof.sealer import open_connection
from infra.log_proof.verified import Extent, Outcome
from runway.cli import app
from runway.worker import VERIFY
from tests.integration.infra.sync.bill_mirror import BillMirror, bill
from tests.rig import Database, RunServers, create_worker_database

RUNNER = CliRunner()


@pytest.fixture
def own_database(servers: RunServers, worker_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    database = create_worker_database(servers, f"oodaloo_verify_{worker_id}")
    monkeypatch.setenv("OODALOO_HOME", str(tmp_path))
    monkeypatch.setenv("OODALOO_DATABASE_URL", database.app_url)
    monkeypatch.setenv("OODALOO_REDIS_URL", "redis://127.0.0.1:1/0")
    return database


def verified(*options: str) -> tuple[int, dict[str, Any]]:
    done = RUNNER.invoke(app, ["log", "verify", "--json", *options])
    return done.exit_code, json.loads(done.stdout)


async def test_a_changed_column_of_a_mirror_is_found_and_named(own_database: Database, redis_url: str) -> None:
    engine = create_engine(own_database.app_url, pool_size=1)
    mirror = BillMirror(engine)
    await mirror.put(bill("7"), bill("8"))
    entity_id = (await mirror.get("7")).id
    await engine.dispose()
    with open_connection(own_database.superuser_url) as root, open_connection(own_database.sealer_url) as reader:
        while sealing_lag(reader):  # another database's transaction may hold the watermark back
            assert RUNNER.invoke(app, ["log", "seal"]).exit_code == 0
        code, clean = verified("--full")
        assert (code, clean["findings"], clean["mirror_rows"]) == (0, [], 2)
        with root.transaction():
            root.execute("SET LOCAL session_replication_role = replica")
            root.execute("UPDATE bill SET balance = balance - 1 WHERE id = %s", [entity_id])
    for options in (["--full"], ["--since", str(clean["through"])], ["--business", str(mirror.business_id)]):
        code, changed = verified(*options)
        assert code == 2
        (finding,) = changed["findings"]
        assert (finding["business_id"], finding["table"]) == (str(mirror.business_id), "bill")
        assert (finding["entity_id"], finding["column"]) == (str(entity_id), "balance")
    async with Redis.from_url(redis_url) as redis:
        jobs = create_engine(own_database.jobs_url, pool_size=1)
        uow = unit_of_work_factory(jobs)
        verifier = LogVerifier(VERIFY, environment={}, uow=uow, redis=redis, clock=SystemClock())
        nightly = await verifier.verify(Extent.ALL)
        await jobs.dispose()
    assert (nightly.outcome, nightly.finding_count) == (Outcome.TAMPERED, 1)
