"""What a business can hold in its hand: the head of its log, and that one row is in it. Neither needs to be believed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.errors import NotFound
from infra.log_proof import merkle
from infra.log_proof.canonical import BatchHead, CheckpointHead, canonical_row
from infra.log_proof.ledger import Batch, microseconds
from infra.log_proof.log_tables import LOG_TABLES, log_tables_of
from infra.log_proof.models import LogBatch, LogCheckpoint
from infra.log_proof.signing import PublicKeys

# By the range of transactions; or adopted, after a restore, by a batch without a range.
_MAY_HOLD = """
SELECT b.business_id, b.batch_no, b.checkpoint_no, b.epoch, b.xid_from::text::bigint, b.xid_before::text::bigint, b.row_count, b.root,
  b.previous_hash, b.hash, b.tables, b.leaves, b.checkpoint_path,
  c.no, c.epoch, c.cluster, c.xid_before::text::bigint, c.sealed_at, c.batch_count, c.row_count, c.batch_root, c.opening,
  c.previous_hash, c.key_id, c.signature
FROM log_batch b JOIN log_checkpoint c ON c.no = b.checkpoint_no
WHERE b.business_id = %s AND (b.xid_from <= %s::xid8 AND b.xid_before > %s::xid8 OR b.xid_before = '0'::xid8) ORDER BY b.batch_no
"""


@dataclass(frozen=True)
class LogHead:
    """The newest batch of a business: whoever wrote this down can tell later whether anything before was changed."""

    batch_no: int
    hash: bytes
    sealed_at: datetime
    checkpoint_no: int
    checkpoint_hash: bytes
    key_id: str
    signature: bytes  # by `key_id`, of `checkpoint_hash`


@dataclass(frozen=True)
class InclusionProof:
    """That `columns` are what `table` had when the checkpoint was signed. `row_place` counts from 0.

    Paths are the neighbours up to a root, lowest first.
    """

    table: str
    columns: dict[str, str | None]
    row_place: int
    row_path: list[bytes]
    batch: BatchHead
    batch_place: int
    batch_path: list[bytes]
    checkpoint: CheckpointHead
    signature: bytes

    def holds(self, keys: PublicKeys) -> bool:
        """Whether everything hangs together and one of `keys` has signed it. No database is asked."""
        leaf = merkle.leaf_hash(canonical_row(self.table, sorted(self.columns.items())))
        row_root = merkle.root_by_path(leaf, self.row_path, place=self.row_place, count=self.batch.row_count)
        batch_leaf = merkle.leaf_hash(self.batch.digest())
        batch_root = merkle.root_by_path(
            batch_leaf, self.batch_path, place=self.batch_place, count=self.checkpoint.batch_count
        )
        return (
            row_root == self.batch.root
            and batch_root == self.checkpoint.batch_root
            and self.batch.checkpoint_no == self.checkpoint.no
            and keys.verify(self.checkpoint.key_id, self.checkpoint.digest(), signature=self.signature)
        )


class NotSealed(NotFound):
    """The row is not there, is not this business's, or was written in the last seconds."""

    def __init__(self) -> None:
        super().__init__("There is no sealed log row of that number.")


class LogProofService:
    """Reads as the application's role: a business sees its own batches, and the checkpoints that hold them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_head(self, business_id: UUID) -> LogHead | None:
        """None before the first batch."""
        found = await self._session.execute(
            select(
                LogBatch.batch_no,
                LogBatch.hash,
                LogCheckpoint.sealed_at,
                LogCheckpoint.no,
                LogCheckpoint.hash,
                LogCheckpoint.key_id,
                LogCheckpoint.signature,
            )
            .join(LogCheckpoint, LogCheckpoint.no == LogBatch.checkpoint_no)
            .where(LogBatch.business_id == business_id)
            .order_by(LogBatch.batch_no.desc())
            .limit(1)
        )
        row = found.one_or_none()
        return None if row is None else LogHead(*row)

    async def get_proof(self, business_id: UUID, *, table: str, entity_id: UUID, version: int) -> InclusionProof:
        """The proof of one object's log row.

        Raises:
            NotSealed: no batch of the business has it.
        """
        columns = await self._texts(business_id, table=table, entity_id=entity_id, version=version)
        row_id, xid = int(columns["id"] or 0), str(columns["tx_xid"])
        for batch, checkpoint, signature in await self._batches(business_id, xid=xid):
            entries = batch.entries()
            for place, entry in enumerate(entries):
                if (entry.table, entry.row_id) == (table, row_id):
                    levels = merkle.levels_of([one.leaf for one in entries])
                    path = merkle.path_in(levels, place)
                    return _proof(table, columns, (place, path), batch=batch, checkpoint=(checkpoint, signature))
        raise NotSealed

    async def _texts(self, business_id: UUID, *, table: str, entity_id: UUID, version: int) -> dict[str, str | None]:
        connection = await self._session.connection()
        tables = log_tables_of((await connection.exec_driver_sql(LOG_TABLES)).all())
        log = next((one for one in tables if one.name == table and "entity_id" in one.column_names), None)
        if log is None:
            raise NotSealed
        where = sql.SQL("business_id = %s AND entity_id = %s AND version = %s")
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(log.text_forms(), log.identifier(), where)
        row = (await connection.exec_driver_sql(query.as_string(), (business_id, entity_id, version))).one_or_none()
        if row is None:
            raise NotSealed
        return dict(zip(log.column_names, row, strict=True))

    async def _batches(self, business_id: UUID, *, xid: str) -> list[tuple[Batch, CheckpointHead, bytes]]:
        connection = await self._session.connection()
        found = await connection.exec_driver_sql(_MAY_HOLD, (business_id, xid, xid))
        return [_batch_and_checkpoint(*row) for row in found]


def _batch_and_checkpoint(*row: Any) -> tuple[Batch, CheckpointHead, bytes]:
    head, (digest, tables, leaves, path) = BatchHead._make(row[:9]), row[9:13]
    checkpoint = CheckpointHead._make((*row[13:17], microseconds(row[17]), *row[18:24]))
    return Batch(head, digest, tables=tuple(tables), leaves=leaves, checkpoint_path=path), checkpoint, row[24]


def _proof(
    table: str,
    columns: dict[str, str | None],
    row: tuple[int, list[bytes]],
    *,
    batch: Batch,
    checkpoint: tuple[CheckpointHead, bytes],
) -> InclusionProof:
    head, signature = checkpoint
    path = [batch.checkpoint_path[start : start + 32] for start in range(0, len(batch.checkpoint_path), 32)]
    return InclusionProof(
        table=table,
        columns={name: text for name, text in columns.items() if text is not None},
        row_place=row[0],
        row_path=row[1],
        batch=batch.head,
        batch_place=_place_in(head, batch.hash, path),
        batch_path=path,
        checkpoint=head,
        signature=signature,
    )


def _place_in(checkpoint: CheckpointHead, batch_hash: bytes, path: list[bytes]) -> int:
    """Where among the checkpoint's batches this one stands. Other businesses' are not to be seen, so each place is tried."""
    leaf = merkle.leaf_hash(batch_hash)
    places = (
        place
        for place in range(checkpoint.batch_count)
        if merkle.root_by_path(leaf, path, place=place, count=checkpoint.batch_count) == checkpoint.batch_root
    )
    return next(places, -1)
