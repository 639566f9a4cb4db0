"""Which sealed batches hold given log rows, for those who show rows beside their seals. `proof.py` proves one of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from infra.log_proof.ledger import entries_in

# By the range of transactions; or adopted, after a restore, by a batch without a range.
_MAY_HOLD = text("""
SELECT b.batch_no, b.root, b.hash, b.checkpoint_no, c.sealed_at, b.tables, b.leaves
FROM log_batch b JOIN log_checkpoint c ON c.no = b.checkpoint_no
WHERE b.business_id = :business_id AND (b.xid_before = '0'::xid8 OR EXISTS (
  SELECT FROM unnest(CAST(CAST(:xids AS text[]) AS xid8[])) AS asked (xid) WHERE b.xid_from <= asked.xid AND b.xid_before > asked.xid
)) ORDER BY b.batch_no
""")


class LoggedRow(NamedTuple):
    """A log row by its table, its own number and the transaction that wrote it."""

    table: str
    row_id: int
    xid: int


@dataclass(frozen=True)
class Seal:
    """The batch that holds a row: `root` is over its rows, `hash` over the batch and the one before it."""

    batch_no: int
    root: bytes
    hash: bytes
    checkpoint_no: int
    sealed_at: datetime


async def find_seals(session: AsyncSession, business_id: UUID, rows: Collection[LoggedRow]) -> Mapping[LoggedRow, Seal]:
    """The seal of each row that has one; rows of the last seconds have none yet."""
    if not rows:
        return {}
    xids = sorted({str(row.xid) for row in rows})
    batches = await session.execute(_MAY_HOLD, {"business_id": business_id, "xids": xids})
    wanted = {(row.table, row.row_id): row for row in rows}
    found: dict[LoggedRow, Seal] = {}
    for *head, tables, leaves in batches:
        seal = Seal(*head)
        for entry in entries_in(tables, leaves):
            row = wanted.get((entry.table, entry.row_id))
            if row is not None:
                found[row] = seal
    return found
