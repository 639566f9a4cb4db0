"""Opening an epoch: what a restored database holds of the time before is sealed once more, where no batch holds it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, sql

from infra.log_proof import ledger
from infra.log_proof.log_rows import SealedRow, rows_to_seal, with_ids
from infra.log_proof.log_tables import LogTable

# An id may be taken a moment before its transaction gets its own.
_SETTLING = timedelta(seconds=2)
_XMAX = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_AT_ONCE = 10_000
_CHECKPOINTS_AT_ONCE = 200


@dataclass(frozen=True)
class Boundary:
    """Where the time before ends: a log's highest id, once every transaction below `xid` has ended."""

    through_ids: dict[str, int]
    xid: int
    drawn_at: datetime

    def is_settled(self, *, watermark: int, now: datetime) -> bool:
        return watermark >= self.xid and now - self.drawn_at >= _SETTLING


def draw_boundary(connection: Connection[Any], tables: Sequence[LogTable], *, now: datetime) -> Boundary:
    highest = {}
    for table in tables:
        row = connection.execute(sql.SQL("SELECT max(id) FROM {}").format(table.identifier())).fetchone()
        if row is not None and row[0] is not None:
            highest[table.name] = int(row[0])
    row = connection.execute(_XMAX).fetchone()
    return Boundary(highest, xid=int(row[0]) if row else 0, drawn_at=now)


def rows_in_no_batch(
    connection: Connection[Any], tables: Sequence[LogTable], boundary: Boundary
) -> Iterable[SealedRow]:
    """Rows of the time before. Every batch's leaf list is read: a matter of minutes for ten million rows, once a restore."""
    held = _sealed_ids(connection)
    for table in tables:
        query = sql.SQL("SELECT id FROM {} WHERE id <= {}").format(
            table.identifier(), sql.Literal(boundary.through_ids.get(table.name, 0))
        )
        missing = [row_id for (row_id,) in connection.execute(query) if row_id not in held[table.name]]
        for start in range(0, len(missing), _AT_ONCE):
            yield from rows_to_seal(connection, table, with_ids(missing[start : start + _AT_ONCE]))


def _sealed_ids(connection: Connection[Any]) -> defaultdict[str, set[int]]:
    held: defaultdict[str, set[int]] = defaultdict(set)
    after = 0
    while checkpoints := ledger.checkpoints_after(connection, after, limit=_CHECKPOINTS_AT_ONCE):
        through = checkpoints[-1].head.no
        for batch in ledger.batches_between(connection, after, through=through):
            for entry in batch.entries():
                held[entry.table].add(entry.row_id)
        after = through
    return held
