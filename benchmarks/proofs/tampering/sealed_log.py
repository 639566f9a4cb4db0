"""A log of a few businesses and of the door, written in many transactions and sealed in many rounds."""

import random
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from infra.clock import SystemClock
from infra.ids import new_id
from infra.log_proof.checkpoint_file import CheckpointFile
from infra.log_proof.findings import Report
from infra.log_proof.log_tables import read_log_tables
from infra.log_proof.sealer import Sealer, open_connection
from infra.log_proof.signing import LogKey, PublicKeys, public_file
from infra.log_proof.standalone_verifier import Problem, Verifier, read_keys, read_lines
from infra.log_proof.verification import Verification

_BUSINESSES = 4
_ROUNDS = 12
_TABLES = ("bill_transaction_log", "vendor_transaction_log", "invoice_transaction_log", "deposit_transaction_log")
_INSERT = """
INSERT INTO {table} (business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes)
VALUES (%s, %s, %s, 'updated', 'qbo', 'job:qbo.backfill', %s, %s, %s)
"""
_ACCESS = "INSERT INTO access_log (business_id, event, actor, address, request_id, details) VALUES (%s, %s, %s, '192.0.2.7', %s, '{}')"


@dataclass(frozen=True)
class SealedLog:
    superuser_url: str
    file: CheckpointFile
    key_path: Path

    def superuser(self) -> AbstractContextManager[Connection[Any]]:
        return open_connection(self.superuser_url)

    def verify(self, connection: Connection[Any]) -> Report:
        return Verification(connection, list(self.file.lines()), keys=PublicKeys.load(public_file(self.key_path))).run()

    def verify_alone(self, connection: Connection[Any]) -> list[Problem]:
        return Verifier(connection, read_lines(self.file.path), read_keys(public_file(self.key_path))).run()


def make_sealed_log(superuser_url: str, sealer_url: str, directory: Path, *, seed: int) -> SealedLog:
    """Some 350 rows in some 40 batches; the key and the checkpoint file lie in `directory`."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice
    log = SealedLog(superuser_url, CheckpointFile(directory / "checkpoints.jsonl"), directory / "log-key.json")
    key = LogKey.load(log.key_path, create=True)
    businesses: list[UUID] = [new_id() for _ in range(_BUSINESSES)]
    with open_connection(superuser_url) as writer, open_connection(sealer_url) as connection:
        for business in businesses:
            writer.execute("INSERT INTO business (id, name, created_at) VALUES (%s, 'Bakery', now())", [business])
        sealer = Sealer(connection, key=key, file=log.file, clock=SystemClock())
        for _ in range(_ROUNDS):
            for _ in range(chance.randint(1, 4)):
                _write(writer, chance.choice(businesses), chance)
            _write_access(writer, chance.choice([*businesses, None]))
            seal_all(sealer, writer)
    return log


def _write(writer: Connection[Any], business: UUID, chance: random.Random) -> None:
    """Several rows of several logs in one transaction."""
    with writer.transaction():
        for _ in range(chance.randint(2, 12)):
            table, amount = chance.choice(_TABLES), chance.randint(1, 10**9)
            snapshot = f'{{"Id": "{amount}", "TotalAmt": {amount}.10, "Memo": "Käse, zwei Laibe"}}'
            changes = f'{{"TotalAmt": [1.00, {amount}.10]}}'
            writer.execute(_INSERT.format(table=table), (business, new_id(), 1, str(amount), snapshot, changes))


def _write_access(writer: Connection[Any], business: UUID | None) -> None:
    writer.execute(_ACCESS, (business, "session.signed_in", "nobody", str(new_id())))


def seal_all(sealer: Sealer, writer: Connection[Any]) -> None:
    """Other databases of the cluster may hold the watermark back for a moment."""
    while any(
        writer.execute(
            f"SELECT 1 FROM {table.name} WHERE tx_xid >= coalesce((SELECT xid_before FROM log_checkpoint ORDER BY no DESC LIMIT 1), '0')"  # noqa: S608 - the catalog's names
        ).fetchone()
        for table in read_log_tables(writer)
    ):
        sealer.seal()
