"""Seals log rows behind the transaction-id watermark: batches per business, one signed checkpoint a round.

Every transaction below the oldest running one has ended, so the rows between the last watermark and that id are final, in
whatever order they were written. "Ids above the last" would miss rows that were written early and committed late.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection, connect
from sqlalchemy import make_url

from infra.clock import Clock
from infra.errors import OodalooError
from infra.log_proof import ledger, merkle
from infra.log_proof.canonical import NOTHING_BEFORE, BatchHead, CheckpointHead
from infra.log_proof.checkpoint_file import Checkpoint, CheckpointFile, Line
from infra.log_proof.epochs import IdRange, Opening
from infra.log_proof.exporting import export
from infra.log_proof.ledger import Batch, Entry
from infra.log_proof.log_rows import SealedRow, XidRange, rows_to_seal, tables_with_rows, watermark_for
from infra.log_proof.log_tables import FIXED_FORMS, cluster_of, read_log_tables
from infra.log_proof.restoring import Boundary, draw_boundary, rows_in_no_batch
from infra.log_proof.signing import LogKey

# One sealer in the database at a time, until its transaction ends. Any number.
_ALONE = "SELECT pg_try_advisory_xact_lock(7402013)"
# A round reads a narrow range at the end of the index. Statistics older than the rows must not make the planner read all of it, and
# a checkpoint that is in the file must not be lost by the database.
_FOR_THIS_ROUND = "SET LOCAL enable_seqscan = off; SET LOCAL synchronous_commit = on"
_WATERMARK = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_ROWS_A_ROUND = 50_000  # of one log
_IDLE_CHECKPOINT_AFTER = timedelta(seconds=60)
_MOVED = "The database is another cluster than the one that was sealed before."


class DatabaseBehindCheckpoints(OodalooError):
    """The file knows what the database does not: the log lost its end, or another database is meant."""

    def __init__(self, file: CheckpointFile, known: int, held: int) -> None:
        super().__init__(
            f"{file.path} ends with checkpoint {known}, the database with {held}, or with another one of that number: sealed log rows "
            "are missing. `oodaloo log verify` tells which. If a backup was restored on purpose, declare it with `oodaloo log restored`; "
            "if the file belongs to another database, name one of its own in OODALOO_LOG_CHECKPOINT_FILE."
        )


@dataclass(frozen=True)
class Round:
    """What one round did; `rows` is 0 where nothing was new, `is_last` False where more could be sealed at once."""

    checkpoint_no: int
    batches: int = 0
    rows: int = 0
    is_last: bool = True


def open_connection(url: str) -> Connection[Any]:
    """As the sealer's role, with the settings on which the rows' texts depend."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return connect(plain, autocommit=True, options=FIXED_FORMS)


class Sealer:
    """Uses one connection, which must not be in a transaction."""

    def __init__(
        self,
        connection: Connection[Any],
        *,
        key: LogKey,
        file: CheckpointFile,
        clock: Clock,
        rows_a_round: int = _ROWS_A_ROUND,
    ) -> None:
        self._connection = connection
        self._key = key
        self._file = file
        self._clock = clock
        self._limit = rows_a_round
        self._boundary: Boundary | None = None
        self._ids: dict[int, IdRange] = {}  # by epoch

    def seal(self) -> Round | None:
        """One round, durable in the database and then in the file.

        None when another sealer is at work, or when a restored database must settle first: call again.

        Raises:
            DatabaseBehindCheckpoints, UnknownCheckpoint, CheckpointFileUnusable: nothing was sealed, and a person must look.
        """
        return self._alone(reason=None)

    def reopen(self, reason: str) -> Round | None:
        """Declare that the database was restored: open a new epoch whatever checkpoints it lost. None and raises as `seal`."""
        return self._alone(reason=reason)

    def _alone(self, *, reason: str | None) -> Round | None:
        self.export()
        with self._connection.transaction():
            row = self._connection.execute(_ALONE).fetchone()
            known, held = self._file.newest(), ledger.newest_checkpoint(self._connection)
            if not (row and row[0]) or (held and held.head.no > (known.no if known else 0)):
                return None
            self._connection.execute(_FOR_THIS_ROUND)
            done = self._open_or_seal(known, held, reason=reason)
        self.export()
        return done

    def export(self) -> int:
        return export(self._connection, self._file, keys=self._key.public_keys())

    def _open_or_seal(self, known: Line | None, held: Checkpoint | None, *, reason: str | None) -> Round | None:
        cluster = cluster_of(self._connection)
        if known is not None and reason is not None:
            return self._open_epoch(known, held, cluster=cluster, reason=reason)
        if known is not None and (held is None or held.hash != known.checkpoint.hash):
            raise DatabaseBehindCheckpoints(self._file, known.no, held.head.no if held else 0)
        if known is not None and held is not None and held.head.cluster != cluster:
            return self._open_epoch(known, held, cluster=cluster, reason=_MOVED)
        return self._round(held, cluster=cluster)

    def _round(self, held: Checkpoint | None, *, cluster: str) -> Round:
        no, epoch = (held.head.no, held.head.epoch) if held else (0, 1)
        start, before, ids = held.head.xid_before if held else 0, self._watermark(), self._ids_of(epoch)
        tables = read_log_tables(self._connection)
        filled = tables_with_rows(self._connection, tables, XidRange(start, before), ids=ids)
        if not filled:
            if held is None or not self._is_idle_long(held) or before <= start:
                return Round(no)
            self._append(no + 1, epoch, cluster=cluster, xids=(start, before), rows=[], before=held)
            return Round(no + 1)
        until = watermark_for(self._connection, filled, start, before=before, ids=ids, limit=self._limit)
        xids = XidRange(start, until)
        rows = [row for table in filled for row in rows_to_seal(self._connection, table, xids.limits(table, ids))]
        batches = self._append(no + 1, epoch, cluster=cluster, xids=(start, until), rows=rows, before=held)
        return Round(no + 1, batches=batches, rows=len(rows), is_last=until == before)

    def _open_epoch(self, known: Line, held: Checkpoint | None, *, cluster: str, reason: str) -> Round | None:
        tables, now = read_log_tables(self._connection), self._clock.now()
        if self._boundary is None:
            self._boundary = draw_boundary(self._connection, tables, now=now)
        if not self._boundary.is_settled(watermark=self._watermark(), now=now):
            return None
        rows = list(rows_in_no_batch(self._connection, tables, self._boundary))
        opening = Opening(held.head.no if held else 0, reason, self._boundary.through_ids)
        no, epoch = known.no + 1, known.checkpoint.head.epoch + 1
        batches = self._append(
            no, epoch, cluster=cluster, xids=(0, 0), rows=rows, before=known.checkpoint, opening=opening
        )
        self._boundary = None
        return Round(no, batches=batches, rows=len(rows), is_last=False)

    def _append(
        self,
        no: int,
        epoch: int,
        *,
        cluster: str,
        xids: tuple[int, int],
        rows: Iterable[SealedRow],
        before: Checkpoint | None,
        opening: Opening | None = None,
    ) -> int:
        """Write a checkpoint and its batches; how many."""
        batches = self._batches(rows, no=no, epoch=epoch, xids=xids)
        levels = merkle.levels_of([merkle.leaf_hash(batch.hash) for batch in batches])
        head = CheckpointHead(
            no=no,
            epoch=epoch,
            cluster=cluster,
            xid_before=xids[1],
            sealed_at=ledger.microseconds(self._clock.now()),
            batch_count=len(batches),
            row_count=sum(batch.head.row_count for batch in batches),
            batch_root=levels[-1][0],
            opening=opening.to_text() if opening else "",
            previous_hash=before.hash if before else NOTHING_BEFORE,
            key_id=self._key.key_id,
        )
        digest = head.digest()
        checkpoint = Checkpoint(head, hash=digest, signature=self._key.sign(digest))
        paths = (b"".join(merkle.path_in(levels, place)) for place in range(len(batches)))
        ledger.append(self._connection, checkpoint, list(zip(batches, paths, strict=True)))
        return len(batches)

    def _batches(self, rows: Iterable[SealedRow], *, no: int, epoch: int, xids: tuple[int, int]) -> list[Batch]:
        """One a business that has rows, in the order of their ids."""
        by_business: defaultdict[bytes, list[SealedRow]] = defaultdict(list)
        for row in sorted(rows):
            by_business[row.business].append(row)
        businesses = {business: UUID(bytes=business) for business in sorted(by_business)}
        newest = ledger.newest_batches(self._connection, list(businesses.values()), through=no - 1)
        batches = []
        for business, business_id in businesses.items():
            entries = [Entry(row.table, row.row_id, row.leaf) for row in by_business[business]]
            tables = tuple(sorted({entry.table for entry in entries}))
            last, previous = newest.get(business_id, (0, NOTHING_BEFORE))
            head = BatchHead(
                business_id=business_id,
                batch_no=last + 1,
                checkpoint_no=no,
                epoch=epoch,
                xid_from=xids[0],
                xid_before=xids[1],
                row_count=len(entries),
                root=merkle.root_of([entry.leaf for entry in entries]),
                previous_hash=previous,
            )
            batches.append(Batch(head, head.digest(), tables=tables, leaves=ledger.pack_entries(tables, entries)))
        return batches

    def _ids_of(self, epoch: int) -> IdRange:
        if epoch not in self._ids:
            text = ledger.opening_of(self._connection, epoch)
            self._ids[epoch] = IdRange(after=Opening.from_text(text).through_ids) if text else IdRange()
        return self._ids[epoch]

    def _watermark(self) -> int:
        row = self._connection.execute(_WATERMARK).fetchone()
        return int(row[0]) if row else 0

    def _is_idle_long(self, held: Checkpoint) -> bool:
        return self._clock.now() - ledger.instant_of(held.head.sealed_at) >= _IDLE_CHECKPOINT_AFTER
