"""What a business is shown of its sealed log: enough to check it without us, and nothing of anybody else's."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from benchmarks.proofs.tampering.sealed_log import seal_all
from infra.clock import SystemClock
from infra.ids import new_id
from infra.log_proof.canonical import BatchHead, CheckpointHead
from infra.log_proof.proof import InclusionProof
from infra.log_proof.sealer import Sealer, open_connection
from infra.log_proof.settings import LogProofFiles, LogProofSettings
from tests.e2e.rest import Visitor, Web, assert_problem, running_web, settings_for
from tests.rig import Database, RunServers, create_worker_database

TABLE = "bill_transaction_log"
INSERT = """
INSERT INTO bill_transaction_log (business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes)
VALUES (%s, %s, 1, 'created', 'qbo', 'x', 'x', '{"Id": "1"}', '{}')
"""


@pytest.fixture
def own(servers: RunServers, worker_id: str) -> Database:
    return create_worker_database(servers, f"oodaloo_rest_log_{worker_id}")


@pytest.fixture
async def web(own: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Web]:
    async with running_web(own, redis_url, settings=settings_for(tmp_path, None)) as running:
        yield running


def log_and_seal(database: Database, files: LogProofFiles, *rows: tuple[str, UUID]) -> None:
    with open_connection(database.superuser_url) as writer, open_connection(database.sealer_url) as reader:
        for business_id, entity_id in rows:
            writer.execute(INSERT, [business_id, entity_id])
        seal_all(Sealer(reader, key=files.key(), file=files.checkpoints, clock=SystemClock()), writer)


def read(shown: dict[str, Any]) -> InclusionProof:
    """The proof as a tenant's own program would read it: of the JSON alone."""
    batch, checkpoint = dict(shown["batch"]), dict(shown["checkpoint"])
    for head, name in (
        (batch, "root"),
        (batch, "previous_hash"),
        (checkpoint, "batch_root"),
        (checkpoint, "previous_hash"),
    ):
        head[name] = bytes.fromhex(head[name])
    return InclusionProof(
        table=shown["table"],
        columns=shown["columns"],
        row_place=shown["row_place"],
        row_path=[bytes.fromhex(one) for one in shown["row_path"]],
        batch=BatchHead(**batch),
        batch_place=shown["batch_place"],
        batch_path=[bytes.fromhex(one) for one in shown["batch_path"]],
        checkpoint=CheckpointHead(**checkpoint),
        signature=bytes.fromhex(shown["signature"]),
    )


async def proof_of(visitor: Visitor, entity_id: UUID) -> dict[str, Any]:
    body = await visitor.get("/log/proof", table=TABLE, entity_id=entity_id, version=1)
    shown: dict[str, Any] = body["data"]
    return shown


async def test_the_head_and_the_proof_of_a_row_can_be_checked_without_us(
    own: Database, web: Web, tmp_path: Path
) -> None:
    one, other = await web.sign_in("One"), await web.sign_in("Other")
    assert (await one.get("/log/head"))["data"] is None
    files = LogProofFiles(LogProofSettings(), tmp_path)
    mine, theirs = new_id(), new_id()
    log_and_seal(own, files, (one.business_id, mine), (other.business_id, theirs), (one.business_id, new_id()))
    keys = files.public_keys()

    proof = read(await proof_of(one, mine))
    assert proof.holds(keys)
    assert proof.columns["entity_id"] == str(mine)
    proof.columns["actor"] = "someone else"
    assert not proof.holds(keys)

    head = (await one.get("/log/head"))["data"]
    assert head["hash"] == proof.batch.digest().hex()
    signed = head["checkpoint"]
    assert signed["hash"] == proof.checkpoint.digest().hex()
    assert keys.verify(signed["key_id"], bytes.fromhex(signed["hash"]), signature=bytes.fromhex(signed["signature"]))
    assert (await other.get("/log/head"))["data"]["hash"] != head["hash"]


async def test_what_is_not_ones_own_sealed_row_is_not_there(own: Database, web: Web, tmp_path: Path) -> None:
    one, other = await web.sign_in("One"), await web.sign_in("Other")
    theirs = new_id()
    log_and_seal(own, LogProofFiles(LogProofSettings(), tmp_path), (other.business_id, theirs))
    assert (await proof_of(other, theirs))["table"] == TABLE
    for table, entity_id in ((TABLE, theirs), (TABLE, new_id()), ("access_log", theirs), ("rail_token", theirs)):
        answer = await one.ask("/log/proof", table=table, entity_id=entity_id, version=1)
        assert_problem(answer, 404, "not-found")
