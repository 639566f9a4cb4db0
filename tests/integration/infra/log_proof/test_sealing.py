"""The sealer among writers, killed and restarted; its file torn; what a business can prove; a restored database."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from benchmarks.proofs.tampering.sealed_log import seal_all
from infra.clock import SystemClock
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.ids import new_id
from infra.log_proof import ledger, standalone_verifier
from infra.log_proof.checkpoint_file import CheckpointFile
from infra.log_proof.findings import Report, Verdict
from infra.log_proof.lag import sealing_lag
from infra.log_proof.proof import LogProofService, NotSealed
from infra.log_proof.sealer import DatabaseBehindCheckpoints, Sealer, open_connection
from infra.log_proof.settings import LogProofFiles, LogProofSettings
from infra.log_proof.verifying import verify
from tests.rig import Database, RunServers, create_worker_database

INSERT = """
INSERT INTO bill_transaction_log (business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes)
VALUES (%s, %s, 1, 'created', 'qbo', 'x', 'x', '{"Id": "1"}', '{}')
"""


class Rig:
    """A database of the test's own, its writer, its sealer and the files."""

    def __init__(self, database: Database, sealer_url: str, directory: Path) -> None:
        self.database = database
        self.sealer_url = sealer_url
        self.directory = directory
        self.files = LogProofFiles(LogProofSettings(), directory)
        self.writer = open_connection(database.superuser_url)
        self.reader = open_connection(sealer_url)
        self.business = new_id()

    def close(self) -> None:
        self.writer.close()
        self.reader.close()

    def write(self, rows: int = 3) -> None:
        with self.writer.transaction():
            for _ in range(rows):
                self.writer.execute(INSERT, [self.business, new_id()])

    def sealer(self) -> Sealer:
        return Sealer(self.reader, key=self.files.key(), file=self.files.checkpoints, clock=SystemClock())

    def seal(self) -> None:
        seal_all(self.sealer(), self.writer)

    def verify(self) -> Report:
        return verify(self.reader, self.files.checkpoints, keys=self.files.public_keys(), progress=lambda *_: None)

    def verify_alone(self) -> subprocess.CompletedProcess[str]:
        url = self.sealer_url.replace("+psycopg", "")
        paths = [str(self.files.checkpoints.path), str(self.directory / "log-key.public.json")]
        command = [sys.executable, standalone_verifier.__file__, url, *paths]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file

    def entries(self) -> Counter[tuple[str, int]]:
        batches = ledger.batches_between(self.reader, 0, through=2**62)
        return Counter((entry.table, entry.row_id) for batch in batches for entry in batch.entries())

    def rows(self) -> Counter[tuple[str, int]]:
        found = self.writer.execute("SELECT id FROM bill_transaction_log").fetchall()
        return Counter(("bill_transaction_log", row_id) for (row_id,) in found)


@pytest.fixture
def rig(servers: RunServers, worker_id: str, tmp_path: Path) -> Iterator[Rig]:
    database = create_worker_database(servers, f"oodaloo_seal_{worker_id}")
    made = Rig(database, database.app_url.replace("oodaloo_app@", "oodaloo_sealer@"), tmp_path)
    yield made
    made.close()


def test_every_committed_row_is_in_one_batch_while_writers_race_and_the_sealer_is_killed(rig: Rig) -> None:
    stopping = threading.Event()
    writers = [threading.Thread(target=_write_slowly, args=(rig, stopping, seed)) for seed in range(6)]
    for thread in writers:
        thread.start()
    chance = random.Random(1)  # noqa: S311 - a repeatable choice
    for _ in range(5):
        command = [
            sys.executable,
            "-m",
            "tests.integration.infra.log_proof.sealer_process",
            rig.sealer_url,
            str(rig.directory),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own module
        assert process.stdout is not None
        for _ in range(chance.randint(1, 6)):
            process.stdout.readline()
        time.sleep(chance.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    stopping.set()
    for thread in writers:
        thread.join()
    rig.seal()
    assert len(rig.rows()) > 50
    assert rig.entries() == rig.rows()
    assert rig.verify().verdict == Verdict.CLEAN
    assert rig.verify_alone().returncode == 0


def _write_slowly(rig: Rig, stopping: threading.Event, seed: int) -> None:
    """Ids are taken early and committed late; some transactions are rolled back, some rows lie in savepoints."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice
    with open_connection(rig.database.superuser_url) as connection:
        while not stopping.is_set():
            with connection.transaction(force_rollback=chance.random() < 0.2):
                for _ in range(chance.randint(1, 4)):
                    with connection.transaction(force_rollback=chance.random() < 0.2):
                        connection.execute(INSERT, [chance.choice([rig.business, new_id()]), new_id()])
                    time.sleep(chance.random() * 0.03)


def test_two_sealers_at_once_seal_every_row_once(rig: Rig) -> None:
    rig.write()
    with open_connection(rig.sealer_url) as other, rig.reader.transaction():
        rig.reader.execute("SELECT pg_advisory_xact_lock(7402013)")
        second = Sealer(other, key=rig.files.key(), file=rig.files.checkpoints, clock=SystemClock())
        assert second.seal() is None
    rig.seal()
    assert rig.entries() == rig.rows()


def test_an_open_transaction_holds_the_seal_back_and_nothing_is_missed(rig: Rig) -> None:
    with open_connection(rig.database.superuser_url) as slow, slow.transaction():
        slow.execute(INSERT, [rig.business, new_id()])
        rig.write()  # a later transaction that ends first
        done = rig.sealer().seal()
        assert done is None or done.rows == 0
    assert sealing_lag(rig.reader).total_seconds() > 0
    rig.seal()
    assert sealing_lag(rig.reader).total_seconds() == 0
    assert rig.entries() == rig.rows()


def test_a_torn_last_line_is_written_again_from_the_database(rig: Rig) -> None:
    for _ in range(3):
        rig.write()
        rig.seal()
    path = rig.files.checkpoints.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    rig.sealer().export()
    assert path.read_bytes() == whole
    path.unlink()
    assert rig.verify().verdict == Verdict.ANCHORS_MISSING
    rig.sealer().export()
    assert path.read_bytes() == whole


def test_a_large_backlog_is_sealed_in_rounds_that_stay_small(rig: Rig) -> None:
    for _ in range(7):
        rig.write(3)
    rig.writer.execute("SELECT pg_current_xact_id()")
    sealer = Sealer(rig.reader, key=rig.files.key(), file=rig.files.checkpoints, clock=SystemClock(), rows_a_round=5)
    seal_all(sealer, rig.writer)
    sizes = [checkpoint.head.row_count for checkpoint in ledger.checkpoints_after(rig.reader, 0, limit=100)]
    assert sum(sizes) == 21
    assert max(sizes) <= 5
    assert rig.verify().verdict == Verdict.CLEAN


def test_verifying_goes_on_after_the_last_time_and_of_one_business_alone(rig: Rig) -> None:
    rig.write()
    rig.seal()
    first, victim = rig.verify(), rig.business
    rig.business = new_id()
    rig.write()
    rig.seal()
    _as_nobody_should(rig.writer, "UPDATE bill_transaction_log SET actor = 'y' WHERE business_id = %s", victim)
    lines, keys = list(rig.files.checkpoints.lines()), rig.files.public_keys()

    def found(**narrowed: Any) -> set[Any]:
        report = verify(rig.reader, rig.files.checkpoints, keys=keys, progress=lambda *_: None, **narrowed)
        return {finding.business_id for finding in report.findings}

    assert found() == {victim}
    assert found(since=first.through) == set()
    assert found(business_id=rig.business) == set()
    assert found(business_id=victim) == {victim}
    assert len(lines) > first.through


def test_a_database_without_its_end_is_not_sealed_on_until_the_restore_is_declared(rig: Rig) -> None:
    rig.write()
    rig.seal()
    held = rig.sealer().export()
    assert held == 0
    kept = ledger.newest_checkpoint(rig.reader)
    assert kept is not None
    rig.write()
    rig.seal()
    rig.write(2)  # not sealed when the backup was made
    _as_nobody_should(rig.writer, "DELETE FROM log_batch WHERE checkpoint_no > %s", kept.head.no)
    _as_nobody_should(rig.writer, "DELETE FROM log_checkpoint WHERE no > %s", kept.head.no)
    with pytest.raises(DatabaseBehindCheckpoints):
        rig.sealer().seal()
    assert rig.verify().verdict == Verdict.TAMPERED
    sealer = rig.sealer()
    while sealer.reopen("disk lost, backup of Monday") is None:
        time.sleep(0.2)
    rig.write()
    rig.seal()
    report = rig.verify()
    assert report.findings == []
    assert any("disk lost" in note for note in report.notes)
    assert rig.entries() == rig.rows()
    assert rig.verify_alone().returncode == 0, rig.verify_alone().stdout
    _as_nobody_should(
        rig.writer,
        "DELETE FROM bill_transaction_log WHERE id IN (SELECT min(id) FROM bill_transaction_log WHERE id > %s)",
        3,
    )
    assert rig.verify().verdict == Verdict.TAMPERED
    assert rig.verify_alone().returncode == 2


def test_another_cluster_begins_a_new_epoch_by_itself(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.write()
    rig.seal()
    rig.write()
    monkeypatch.setattr("infra.log_proof.sealer.cluster_of", lambda _: "7")  # a cluster's identity cannot be changed
    sealer = rig.sealer()
    while (done := sealer.seal()) is None:
        time.sleep(0.2)
    assert done.rows == 3
    newest = ledger.newest_checkpoint(rig.reader)
    assert newest is not None
    assert (newest.head.epoch, newest.head.cluster) == (2, "7")
    rig.write()
    seal_all(sealer, rig.writer)
    assert rig.entries() == rig.rows()
    assert rig.verify().findings == []
    assert rig.verify_alone().returncode == 0


async def test_a_business_can_prove_a_row_of_its_own_and_sees_no_other(rig: Rig) -> None:
    strangers = [new_id() for _ in range(4)]
    with rig.writer.transaction():
        for business in [rig.business, *strangers, rig.business, rig.business]:
            rig.writer.execute(INSERT, [business, new_id()])
    rig.seal()
    query = "SELECT entity_id FROM bill_transaction_log WHERE business_id = %s ORDER BY id"
    mine = [row[0] for row in rig.writer.execute(query, [rig.business])]
    theirs = rig.writer.execute(query, [strangers[0]]).fetchone()
    engine = create_engine(rig.database.app_url, pool_size=1)
    keys = rig.files.public_keys()
    try:
        async with unit_of_work_factory(engine)([rig.business]) as uow:
            service = LogProofService(uow.session)
            head = await service.find_head(rig.business)
            assert head is not None
            assert head.batch_no == 1
            for entity in mine:
                proof = await service.get_proof(rig.business, table="bill_transaction_log", entity_id=entity, version=1)
                assert proof.holds(keys)
                proof.columns["actor"] = "someone else"
                assert not proof.holds(keys)
            assert theirs is not None
            with pytest.raises(NotSealed):
                await service.get_proof(strangers[0], table="bill_transaction_log", entity_id=theirs[0], version=1)
            assert await service.find_head(strangers[0]) is None
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_batch SET row_count = 0",
        "DELETE FROM log_checkpoint",
        "TRUNCATE log_batch",
        "UPDATE bill_transaction_log SET actor = 'x'",
        "DELETE FROM access_log",
        "INSERT INTO bill_transaction_log (actor) VALUES ('x')",
        "SELECT * FROM bill",
        "SELECT * FROM rail_token",
    ],
)
def test_the_sealer_can_change_nothing_that_it_sealed(rig: Rig, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rig.reader.execute(statement)


def _as_nobody_should(connection: Connection[Any], statement: str, value: object) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(statement, [value])


def test_the_file_keeps_checkpoints_in_a_form_that_reads_back(rig: Rig) -> None:
    rig.write()
    rig.seal()
    line = next(rig.files.checkpoints.lines())
    assert CheckpointFile(rig.files.checkpoints.path).newest() is not None
    assert type(line).from_json(line.to_json()) == line
