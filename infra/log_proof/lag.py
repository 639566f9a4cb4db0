"""How far the sealer is behind."""

from datetime import timedelta
from typing import Any

from psycopg import Connection, sql

from infra.log_proof import ledger
from infra.log_proof.epochs import IdRange, Opening
from infra.log_proof.log_rows import XidRange
from infra.log_proof.log_tables import read_log_tables


def sealing_lag(connection: Connection[Any]) -> timedelta:
    """The age of the oldest log row that no batch holds; nothing when all are sealed. For any role that reads the logs and the seals."""
    newest = ledger.newest_checkpoint(connection)
    epoch, xid = (newest.head.epoch, newest.head.xid_before) if newest else (1, 0)
    opening = ledger.opening_of(connection, epoch)
    ids = IdRange(after=Opening.from_text(opening).through_ids) if opening else IdRange()
    first = sql.SQL("(SELECT recorded_at FROM {} WHERE {} ORDER BY tx_xid LIMIT 1)")
    each = [first.format(table.identifier(), XidRange(xid).limits(table, ids)) for table in read_log_tables(connection)]
    age = sql.SQL("SELECT clock_timestamp() - min(recorded_at) FROM ({}) AS firsts")
    row = connection.execute(age.format(sql.SQL(" UNION ALL ").join(each))).fetchone()
    return max(row[0], timedelta(0)) if row and row[0] is not None else timedelta(0)
