"""Checks everything that was sealed against what the database holds now. The database computes nothing that is believed here.

Rows are read in windows of the transaction ids that a few checkpoints cover, matched with the batches' leaf lists, and hashed here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from infra.log_proof import ledger, merkle
from infra.log_proof.canonical import NOTHING_BEFORE, CheckpointHead
from infra.log_proof.checkpoint_chain import CheckpointChain, Link
from infra.log_proof.checkpoint_file import Line
from infra.log_proof.epochs import IdRange, Opening
from infra.log_proof.exporting import batch_root
from infra.log_proof.findings import Report
from infra.log_proof.ledger import Batch, Entry
from infra.log_proof.log_rows import FoundRow, XidRange, rows_as_texts, tables_with_rows, with_ids
from infra.log_proof.log_tables import LogTable, read_log_tables
from infra.log_proof.signing import PublicKeys

_ROWS_A_WINDOW = 20_000
_FUTURE = sql.SQL("tx_xid >= pg_snapshot_xmax(pg_current_snapshot())")

Key = tuple[UUID, str, int]  # business, table, id
Progress = Callable[[int, int], None]  # checkpoint reached, rows read


def _no_progress(_checkpoint_no: int, _rows: int) -> None: ...


@dataclass(frozen=True)
class _Window:
    """Checkpoints in a row, of one epoch, and the transaction ids they cover together. An opening stands alone."""

    after: int
    epoch: int
    start: int
    before: int
    links: tuple[Link, ...]

    @property
    def is_opening(self) -> bool:
        return self.before == 0

    @property
    def through(self) -> int:
        return self.links[-1].checkpoint.head.no


class Verification:
    """One run, over all businesses or one; of everything, or of what was sealed after checkpoint `since`."""

    def __init__(
        self,
        connection: Connection[Any],
        lines: Sequence[Line],
        *,
        keys: PublicKeys,
        business_id: UUID | None = None,
        since: int = 0,
        through: int | None = None,
        progress: Progress = _no_progress,
    ) -> None:
        self._connection = connection
        self._report = Report(through=since)
        self._chain = CheckpointChain(connection, list(lines), keys=keys, report=self._report, through=through)
        self._business = business_id
        self._since = since
        self._progress = progress
        self._heads: dict[UUID, tuple[int, bytes]] = {}
        self._openings: dict[int, Opening] = {}  # by the epoch that each began
        self._adopted: set[Key] = set()
        self._tables: tuple[LogTable, ...] = ()

    def run(self) -> Report:
        self._tables = read_log_tables(self._connection)
        links = list(self._chain.walk(since=self._since))
        start = self._chain.start
        self._report.checkpoints = len(links)
        self._read_openings(links, first_epoch=start.head.epoch if start else 1)
        xid = start.head.xid_before if start else 0
        for window in _windows(links, after=self._since, xid=xid):
            if window.is_opening:
                self._check_leftovers(window.epoch - 1, xid)
            self._check(window)
            xid, self._report.through = window.before, window.through
            self._progress(window.through, self._report.rows)
        self._check_unsealed(links[-1].checkpoint.head.epoch if links else start.head.epoch if start else 1, xid)
        return self._report

    def _read_openings(self, links: Sequence[Link], *, first_epoch: int) -> None:
        for epoch in range(2, first_epoch + 1):
            self._openings[epoch] = Opening.from_text(ledger.opening_of(self._connection, epoch))
        for head in (link.checkpoint.head for link in links if link.checkpoint.head.opening):
            self._openings[head.epoch] = Opening.from_text(head.opening)
            for batch in ledger.batches_between(self._connection, head.no - 1, through=head.no):
                self._adopted.update(
                    (batch.head.business_id, entry.table, entry.row_id) for entry in _entries(batch) or ()
                )

    def _ids_of(self, epoch: int) -> IdRange:
        before, after = self._openings.get(epoch), self._openings.get(epoch + 1)
        return IdRange(after=before.through_ids if before else {}, through=after.through_ids if after else None)

    def _check(self, window: _Window) -> None:
        found = ledger.batches_between(
            self._connection, window.after, through=window.through, business_id=self._business
        )
        self._report.batches += len(found)
        self._check_membership(window, found)
        xid = window.start
        sealed = _SealedRows(self._report)
        for link in window.links:
            head = link.checkpoint.head
            for batch in (batch for batch in found if batch.head.checkpoint_no == head.no):
                is_whole = self._check_head(batch, head, xid_from=xid)
                sealed.expect(batch, is_whole=is_whole)
            xid = head.xid_before
        for row in self._rows_of(window, sealed):
            self._report.rows += 1
            sealed.meet(row, adopted=self._adopted)
        sealed.tell_missing()

    def _rows_of(self, window: _Window, sealed: "_SealedRows") -> Iterator[FoundRow]:
        if window.is_opening:
            for table in self._tables:
                if row_ids := [key[2] for key in sealed.expected if key[1] == table.name]:
                    yield from rows_as_texts(self._connection, table, with_ids(row_ids), business_id=self._business)
            return
        yield from self._rows_in(XidRange(window.start, window.before), self._ids_of(window.epoch))

    def _rows_in(self, xids: XidRange, ids: IdRange) -> Iterator[FoundRow]:
        for table in tables_with_rows(self._connection, self._tables, xids, ids=ids):
            yield from rows_as_texts(self._connection, table, xids.limits(table, ids), business_id=self._business)

    def _check_membership(self, window: _Window, found: Sequence[Batch]) -> None:
        """Each checkpoint has the batches that it was signed for, no other and no less."""
        all_held = ledger.batch_hashes_between(self._connection, window.after, through=window.through)
        for link in window.links:
            no, held = link.checkpoint.head.no, all_held.get(link.checkpoint.head.no, {})
            if link.line is None:
                if batch_root(Line(link.checkpoint, held)) != link.checkpoint.head.batch_root:
                    self._report.add(
                        f"The batches of checkpoint {no} are not those it was signed for.", checkpoint_no=no
                    )
                continue
            if not link.is_held and not held:
                continue  # the chain has told it
            for business in sorted(link.line.batches.keys() | held.keys()):
                if self._business in {None, business}:
                    self._compare(no, business, named=link.line.batches.get(business), held=held.get(business))
        strays = {batch.head.checkpoint_no for batch in found} - {link.checkpoint.head.no for link in window.links}
        for no in sorted(strays):
            self._report.add(f"There are batches of a checkpoint {no} that does not exist.", checkpoint_no=no)

    def _compare(
        self, no: int, business: UUID, *, named: tuple[int, bytes] | None, held: tuple[int, bytes] | None
    ) -> None:
        if named == held:
            return
        if held is None and named is not None:
            text, batch_no = f"Batch {named[0]} of business {business}, sealed with checkpoint {no}, is gone.", named[0]
        elif held is not None and named is None:
            text, batch_no = f"Batch {held[0]} of business {business} was not sealed with checkpoint {no}.", held[0]
        else:
            batch_no = named[0] if named else 0
            text = f"Batch {batch_no} of business {business} is not the one that was sealed with checkpoint {no}."
        self._report.add(text, checkpoint_no=no, business_id=business, batch_no=batch_no)

    def _check_head(self, batch: Batch, checkpoint: CheckpointHead, *, xid_from: int) -> bool:
        """Whether its leaf list can be relied on."""
        head, last = batch.head, self._last_of(batch.head.business_id, before=checkpoint.no)
        faults = []
        if head.digest() != batch.hash:
            faults.append("its hash does not fit its fields")
        if (head.batch_no, head.previous_hash) != (last[0] + 1, last[1]):
            faults.append("it does not follow the batch before it")
        if (head.epoch, head.xid_from, head.xid_before) != (checkpoint.epoch, xid_from, checkpoint.xid_before):
            faults.append("it covers other transactions than its checkpoint")
        entries = _entries(batch)
        is_whole = (
            entries is not None
            and len(entries) == head.row_count
            and merkle.root_of([entry.leaf for entry in entries]) == head.root
        )
        if not is_whole:
            faults.append("its list of rows was changed")
        for fault in faults:
            self._report.add(
                f"Batch {head.batch_no} of business {head.business_id}: {fault}.",
                checkpoint_no=checkpoint.no, business_id=head.business_id, batch_no=head.batch_no,
            )  # fmt: skip
        self._heads[head.business_id] = (head.batch_no, batch.hash)
        return is_whole

    def _last_of(self, business_id: UUID, *, before: int) -> tuple[int, bytes]:
        if business_id not in self._heads and self._since:
            self._heads |= ledger.newest_batches(self._connection, [business_id], through=before - 1)
        return self._heads.get(business_id, (0, NOTHING_BEFORE))

    def _check_leftovers(self, epoch: int, xid: int) -> None:
        """What a closed epoch had not sealed must have been adopted by the next one."""
        for row in self._rows_in(XidRange(xid), self._ids_of(epoch)):
            if (row.business_id, row.table, row.row_id) not in self._adopted:
                _tell_unsealed(self._report, row)

    def _check_unsealed(self, epoch: int, xid: int) -> None:
        """Rows that wait for the sealer; one of a transaction that has not begun is none of them."""
        ids = self._ids_of(epoch)
        for table in tables_with_rows(self._connection, self._tables, XidRange(xid), ids=ids):
            limits = XidRange(xid).limits(table, ids)
            for row in rows_as_texts(
                self._connection, table, sql.SQL("{} AND {}").format(limits, _FUTURE), business_id=self._business
            ):
                self._report.rows += 1
                self._report.add(
                    f"{row} of business {row.business_id} names a transaction that has not begun.",
                    business_id=row.business_id, table=row.table, row_id=row.row_id,
                )  # fmt: skip
            count = self._connection.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE {}").format(table.identifier(), limits)
            )
            self._report.unsealed_rows += int((count.fetchone() or (0,))[0])


class _SealedRows:
    """The rows that a window's batches list, met one by one by those that are there."""

    def __init__(self, report: Report) -> None:
        self.expected: dict[Key, tuple[bytes, Batch]] = {}
        self._report = report
        self._unlisted: dict[UUID, list[Batch]] = {}  # batches whose lists were changed

    def expect(self, batch: Batch, *, is_whole: bool) -> None:
        if not is_whole:
            self._unlisted.setdefault(batch.head.business_id, []).append(batch)
            return
        for entry in batch.entries():
            self.expected[batch.head.business_id, entry.table, entry.row_id] = (entry.leaf, batch)

    def meet(self, row: FoundRow, *, adopted: set[Key]) -> None:
        key = (row.business_id, row.table, row.row_id)
        sealed = self.expected.pop(key, None)
        if sealed is None:
            if key not in adopted and not self._may_be_listed(row):
                _tell_unsealed(self._report, row)
            return
        leaf, batch = sealed
        if row.leaf() != leaf:
            self._tell(batch, row.table, row.row_id, f"{row} is not as it was sealed")

    def tell_missing(self) -> None:
        for (_, table, row_id), (_, batch) in self.expected.items():
            self._tell(batch, table, row_id, f"{table} row {row_id} is gone")

    def _may_be_listed(self, row: FoundRow) -> bool:
        batches = self._unlisted.get(row.business_id, ())
        return any(batch.head.xid_from <= row.xid < batch.head.xid_before for batch in batches)

    def _tell(self, batch: Batch, table: str, row_id: int, text: str) -> None:
        head = batch.head
        self._report.add(
            f"Business {head.business_id}, batch {head.batch_no}: {text}.",
            checkpoint_no=head.checkpoint_no, business_id=head.business_id, batch_no=head.batch_no, table=table, row_id=row_id,
        )  # fmt: skip


def _tell_unsealed(report: Report, row: FoundRow) -> None:
    report.add(
        f"Business {row.business_id}: {row} is in no batch, though what its transaction {row.xid} wrote was sealed.",
        business_id=row.business_id, table=row.table, row_id=row.row_id,
    )  # fmt: skip


def _entries(batch: Batch) -> list[Entry] | None:
    try:
        return batch.entries()
    except ValueError:
        return None


def _windows(links: Sequence[Link], *, after: int, xid: int) -> Iterator[_Window]:
    waiting: list[Link] = []
    rows = 0
    for place, link in enumerate(links):
        head = link.checkpoint.head
        waiting.append(link)
        rows += head.row_count
        is_last = place + 1 == len(links)
        if head.opening or is_last or links[place + 1].checkpoint.head.opening or rows >= _ROWS_A_WINDOW:
            start = 0 if head.opening else xid
            yield _Window(after, head.epoch, start, head.xid_before, tuple(waiting))
            after, xid, waiting, rows = head.no, head.xid_before, [], 0
