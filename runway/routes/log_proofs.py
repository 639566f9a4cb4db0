"""What a business may write down and check without us: the head of its sealed log, and the proof of one row."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from infra.log_proof.proof import InclusionProof, LogHead, LogProofService
from runway.routes.access import ReadsBooks
from runway.routes.asked import Strict
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1/log", tags=["log"])

_LARGEST_VERSION = 2**31 - 1  # PostgreSQL's integer


class AskedProof(Strict):
    table: str = Field(max_length=63, description="The log, as a trail names it.", examples=["bill_transaction_log"])
    entity_id: UUID = Field(description="Our id of the object.")
    version: int = Field(ge=1, le=_LARGEST_VERSION, description="The object's version that the row made.")


class SignedCheckpointOut(BaseModel):
    no: int
    hash: str = Field(description="Over the heads of all logs, hexadecimal; it is a line of the checkpoint file, too.")
    key_id: str = Field(description="The public key that verifies the signature.")
    signature: str = Field(description="Ed25519, over the hash; hexadecimal.")


class LogHeadOut(BaseModel):
    batch_no: int = Field(description="Counts from 1, without gaps.")
    hash: str = Field(description="Of the newest batch and, through it, of all before; hexadecimal.")
    sealed_at: datetime
    checkpoint: SignedCheckpointOut


class LogHeadAnswer(BaseModel):
    data: LogHeadOut | None = Field(description="Null before the first batch, some seconds after the first change.")


class LogProofOut(BaseModel):
    """Hashes are hexadecimal; their forms are in the guide to the log's proof."""

    table: str
    columns: dict[str, str | None] = Field(description="The whole row, each column as the text that is hashed.")
    row_place: int = Field(description="The row's place in its batch, from 0.")
    row_path: list[str] = Field(description="Neighbours on the way up to the batch's root, the lowest first.")
    batch: dict[str, Any] = Field(description="What is hashed of the batch.")
    batch_place: int = Field(description="The batch's place in its checkpoint, from 0.")
    batch_path: list[str] = Field(description="Neighbours on the way up to the checkpoint's root, the lowest first.")
    checkpoint: dict[str, Any] = Field(description="What is hashed and signed of the checkpoint.")
    signature: str = Field(description="Ed25519, over the checkpoint's hash.")


class LogProofAnswer(BaseModel):
    data: LogProofOut


_HASH = "9b74c9897bac770ffc029102a200c5de7e8b1f2d5c3a4e6f708192a3b4c5d6e7"
_HEAD = {
    "batch_no": 812,
    "hash": _HASH,
    "sealed_at": "2026-03-15T19:00:02Z",
    "checkpoint": {"no": 4711, "hash": _HASH, "key_id": "3f9c0a1b2c3d4e5f", "signature": _HASH * 2},
}
_PROOF = {
    "table": "bill_transaction_log",
    "columns": {"id": "90125", "version": "3", "actor": "sync:scheduled"},
    "row_place": 2,
    "row_path": [_HASH],
    "batch": {"batch_no": 812, "row_count": 3, "root": _HASH},
    "batch_place": 0,
    "batch_path": [],
    "checkpoint": {"no": 4711, "batch_root": _HASH, "key_id": "3f9c0a1b2c3d4e5f"},
    "signature": _HASH * 2,
}


@router.get("/head", summary="The head of the sealed log", responses=documented({"data": _HEAD}))
async def get_log_head(caller: ReadsBooks) -> LogHeadAnswer:
    """The newest sealed batch of the business's log, and the signed checkpoint that holds it. Whoever has written it down can tell
    later whether anything up to then was changed, whoever changed it.
    """
    async with caller.process.uow([caller.business.id]) as uow:
        head = await LogProofService(uow.session).find_head(caller.business.id)
    return LogHeadAnswer(data=None if head is None else _shown(head))


@router.get("/proof", summary="The proof of one row of the log", responses=documented({"data": _PROOF}))
async def get_log_proof(caller: ReadsBooks, asked: Annotated[AskedProof, Query()]) -> LogProofAnswer:
    """That one row was in the log, as it is shown, when its checkpoint was signed. It can be checked with our public key and without
    us, and holds nothing of another business. 404: there is no such row, or it is some seconds old and not sealed yet.
    """
    async with caller.process.uow([caller.business.id]) as uow:
        proof = await LogProofService(uow.session).get_proof(
            caller.business.id, table=asked.table, entity_id=asked.entity_id, version=asked.version
        )
    return LogProofAnswer(data=_proof(proof))


def _shown(head: LogHead) -> LogHeadOut:
    checkpoint = SignedCheckpointOut(
        no=head.checkpoint_no,
        hash=head.checkpoint_hash.hex(),
        key_id=head.key_id,
        signature=head.signature.hex(),
    )
    return LogHeadOut(batch_no=head.batch_no, hash=head.hash.hex(), sealed_at=head.sealed_at, checkpoint=checkpoint)


def _proof(proof: InclusionProof) -> LogProofOut:
    return LogProofOut(
        table=proof.table,
        columns=proof.columns,
        row_place=proof.row_place,
        row_path=[one.hex() for one in proof.row_path],
        batch=_in_json(proof.batch._asdict()),
        batch_place=proof.batch_place,
        batch_path=[one.hex() for one in proof.batch_path],
        checkpoint=_in_json(proof.checkpoint._asdict()),
        signature=proof.signature.hex(),
    )


def _in_json(hashed: dict[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in hashed.items()}
