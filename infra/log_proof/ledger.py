"""What the database holds of the proof: batches and checkpoints, read and appended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from infra.log_proof.canonical import NO_BUSINESS, BatchHead, CheckpointHead
from infra.log_proof.checkpoint_file import Checkpoint

# One entry a row: its table's place in the batch's `tables`, its id there, its leaf hash.
_ENTRY = Struct(">Hq32s")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_CHECKPOINT_COLUMNS = """
no, epoch, cluster, xid_before::text::bigint AS xid_before, sealed_at, batch_count, row_count, batch_root, opening, previous_hash,
key_id, hash, signature
"""
_BATCH_COLUMNS = """
business_id, batch_no, checkpoint_no, epoch, xid_from::text::bigint AS xid_from, xid_before::text::bigint AS xid_before, row_count,
root, previous_hash, hash, tables, leaves, checkpoint_path
"""
_INSERT_CHECKPOINT = """
INSERT INTO log_checkpoint
  (no, epoch, cluster, xid_before, sealed_at, batch_count, row_count, batch_root, opening, previous_hash, key_id, hash, signature)
VALUES (%s, %s, %s, %s::text::xid8, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_BATCH = """
INSERT INTO log_batch
  (business_id, batch_no, checkpoint_no, epoch, xid_from, xid_before, row_count, root, previous_hash, hash, tables, leaves, checkpoint_path)
VALUES (%s, %s, %s, %s, %s::text::xid8, %s::text::xid8, %s, %s, %s, %s, %s, %s, %s)
"""
_BATCH_HASHES = """
SELECT checkpoint_no, business_id, batch_no, hash FROM log_batch WHERE checkpoint_no > %s AND checkpoint_no <= %s
ORDER BY checkpoint_no, business_id
"""
_OPENING = "SELECT opening FROM log_checkpoint WHERE epoch = %s AND opening <> '' ORDER BY no LIMIT 1"
_NEWEST_BATCHES = """
SELECT asked.business_id, newest.batch_no, newest.hash FROM unnest(%s::uuid[]) AS asked (business_id)
CROSS JOIN LATERAL (
  SELECT batch_no, hash FROM log_batch b WHERE b.business_id = asked.business_id AND b.checkpoint_no <= %s
  ORDER BY batch_no DESC LIMIT 1
) AS newest
"""
# By steps through the index: a business has very many batches.
_BUSINESSES = """
WITH RECURSIVE step (business_id) AS (
  (SELECT business_id FROM log_batch ORDER BY business_id LIMIT 1)
  UNION ALL
  SELECT (SELECT b.business_id FROM log_batch b WHERE b.business_id > step.business_id ORDER BY b.business_id LIMIT 1)
  FROM step WHERE step.business_id IS NOT NULL
)
SELECT business_id FROM step WHERE business_id <> %s
"""


class Entry(NamedTuple):
    """A row's place in the leaf list of its batch."""

    table: str
    row_id: int
    leaf: bytes


@dataclass(frozen=True)
class Batch:
    """`checkpoint_path` leads from the batch's hash to the checkpoint's `batch_root`."""

    head: BatchHead
    hash: bytes
    tables: tuple[str, ...]
    leaves: bytes
    checkpoint_path: bytes = b""

    def entries(self) -> list[Entry]:
        """The leaf list, in order.

        Raises:
            ValueError: it is not one: someone changed it.
        """
        return entries_in(self.tables, self.leaves)


def entries_in(tables: Sequence[str], leaves: bytes) -> list[Entry]:
    """Read what `pack_entries` wrote.

    Raises:
        ValueError: it is not a leaf list: someone changed it.
    """
    try:
        return [Entry(tables[table], row_id, leaf) for table, row_id, leaf in _ENTRY.iter_unpack(leaves)]
    except Exception as error:
        raise ValueError("not a leaf list") from error


def pack_entries(tables: Sequence[str], entries: Sequence[Entry]) -> bytes:
    places = {table: place for place, table in enumerate(tables)}
    return b"".join(_ENTRY.pack(places[table], row_id, leaf) for table, row_id, leaf in entries)


def microseconds(instant: datetime) -> int:
    return (instant - _START) // _MICROSECOND


def instant_of(sealed_at: int) -> datetime:
    return _START + timedelta(microseconds=sealed_at)


def newest_checkpoint(connection: Connection[Any]) -> Checkpoint | None:
    found = _checkpoints(connection, "ORDER BY no DESC LIMIT 1", ())
    return found[0] if found else None


def checkpoints_after(connection: Connection[Any], no: int, *, limit: int) -> list[Checkpoint]:
    return _checkpoints(connection, "WHERE no > %s ORDER BY no LIMIT %s", (no, limit))


def batches_between(
    connection: Connection[Any], after_checkpoint: int, *, through: int, business_id: UUID | None = None
) -> list[Batch]:
    """Those of the checkpoints `after_checkpoint` < no ≤ `through`, in order of checkpoint and business."""
    where = "WHERE checkpoint_no > %s AND checkpoint_no <= %s AND (%s::uuid IS NULL OR business_id = %s)"
    query = f"SELECT {_BATCH_COLUMNS} FROM log_batch {where} ORDER BY checkpoint_no, business_id"  # noqa: S608 - this file's texts
    rows = connection.execute(query, (after_checkpoint, through, business_id, business_id)).fetchall()
    return [
        Batch(BatchHead._make(fields), hash=digest, tables=tuple(tables), leaves=leaves, checkpoint_path=path)
        for *fields, digest, tables, leaves, path in rows
    ]


def batch_hashes_between(
    connection: Connection[Any], after_checkpoint: int, *, through: int
) -> dict[int, dict[UUID, tuple[int, bytes]]]:
    """Checkpoint → business → number and hash of its batch."""
    rows = connection.execute(_BATCH_HASHES, (after_checkpoint, through)).fetchall()
    found: dict[int, dict[UUID, tuple[int, bytes]]] = {}
    for checkpoint_no, business, no, digest in rows:
        found.setdefault(checkpoint_no, {})[business] = (no, digest)
    return found


def opening_of(connection: Connection[Any], epoch: int) -> str:
    """The text that opened the epoch; empty for the first."""
    row = connection.execute(_OPENING, (epoch,)).fetchone()
    return str(row[0]) if row else ""


def newest_batches(
    connection: Connection[Any], businesses: Sequence[UUID], *, through: int
) -> dict[UUID, tuple[int, bytes]]:
    """Business → number and hash of its newest batch of the checkpoints up to `through`."""
    rows = connection.execute(_NEWEST_BATCHES, (list(businesses), through)).fetchall()
    return {business: (no, digest) for business, no, digest in rows}


def list_businesses(connection: Connection[Any]) -> list[UUID]:
    """Those that have batches."""
    return [business for (business,) in connection.execute(_BUSINESSES, (NO_BUSINESS,)).fetchall()]


def append(connection: Connection[Any], checkpoint: Checkpoint, batches: Sequence[tuple[Batch, bytes]]) -> None:
    """Each batch with its path to the checkpoint."""
    head = checkpoint.head
    connection.execute(
        _INSERT_CHECKPOINT,
        (*head[:3], str(head.xid_before), instant_of(head.sealed_at), *head[5:], checkpoint.hash, checkpoint.signature),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT_BATCH,
            [
                (*b.head[:4], str(b.head.xid_from), str(b.head.xid_before), *b.head[6:], b.hash, list(b.tables), b.leaves, path)
                for b, path in batches
            ],
        )  # fmt: skip


def _checkpoints(connection: Connection[Any], rest: str, parameters: tuple[object, ...]) -> list[Checkpoint]:
    query = f"SELECT {_CHECKPOINT_COLUMNS} FROM log_checkpoint {rest}"  # noqa: S608 - this file's texts
    found = []
    for *fields, digest, signature in connection.execute(query, parameters).fetchall():
        head = CheckpointHead._make(fields)
        found.append(Checkpoint(head._replace(sealed_at=microseconds(fields[4])), hash=digest, signature=signature))
    return found
