"""`oodaloo log …` and the scheduler's sealing, on a database of the module's own."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.clock import SystemClock
from infra.ids import new_id
from infra.log_proof.command import app
from infra.log_proof.keeping_sealed import keep_sealing
from infra.log_proof.lag import sealing_lag
from infra.log_proof.sealer import open_connection
from infra.log_proof.settings import LogProofFiles, LogProofSettings
from tests.rig import Database

INSERT = "INSERT INTO access_log (event, actor, address, request_id, details) VALUES ('session.refused', 'nobody', '', %s, '{}')"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, log_database: Database, directory: Path) -> None:
    monkeypatch.setenv("OODALOO_HOME", str(directory))
    monkeypatch.setenv("OODALOO_DATABASE_URL", log_database.app_url)
    monkeypatch.setenv("OODALOO_REDIS_URL", "redis://127.0.0.1:1/0")


async def test_the_scheduler_seals_and_ends_when_it_is_told(
    log_database: Database, sealer_url: str, directory: Path
) -> None:
    files = LogProofFiles(LogProofSettings(), directory)
    sealing = asyncio.create_task(keep_sealing(sealer_url, files, clock=SystemClock()))
    with open_connection(log_database.superuser_url) as writer, open_connection(sealer_url) as reader:
        writer.execute(INSERT, [str(new_id())])
        while not files.checkpoints.path.exists() or sealing_lag(reader):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.05)
    sealing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sealing


def test_verify_tells_by_its_exit_code(log_database: Database, sealer_url: str, directory: Path) -> None:
    runner = CliRunner()
    with open_connection(log_database.superuser_url) as writer, open_connection(sealer_url) as reader:
        writer.execute(INSERT, [str(new_id())])
        while sealing_lag(reader):  # another database's transaction may hold the watermark back
            sealed = runner.invoke(app, ["seal"])
            assert sealed.exit_code == 0, sealed.output
        clean = runner.invoke(app, ["verify"])
        assert clean.exit_code == 0, clean.output
        assert "What is sealed is unchanged" in clean.output
        file = directory / "log-checkpoints.jsonl"
        file.rename(directory / "elsewhere.jsonl")
        assert runner.invoke(app, ["verify"]).exit_code == 3
        assert runner.invoke(app, ["verify", "--checkpoints", str(directory / "elsewhere.jsonl")]).exit_code == 0
        (directory / "elsewhere.jsonl").rename(file)
        with writer.transaction():
            writer.execute("SET LOCAL session_replication_role = replica")
            writer.execute("UPDATE access_log SET actor = 'somebody' WHERE id = 1")
    changed = runner.invoke(app, ["verify", "--json"])
    assert changed.exit_code == 2
    report = json.loads(changed.stdout)
    assert [(finding["table"], finding["row_id"]) for finding in report["findings"]] == [("access_log", 1)]
    assert runner.invoke(app, ["verify", "--since", str(report["through"])]).exit_code == 0
