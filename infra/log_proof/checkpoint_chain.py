"""The first half of a verification: every checkpoint, of the file and of the database, hung on the one before."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from infra.log_proof import ledger
from infra.log_proof.canonical import NOTHING_BEFORE
from infra.log_proof.checkpoint_file import Checkpoint, Line
from infra.log_proof.epochs import Opening
from infra.log_proof.exporting import batch_root, is_signed
from infra.log_proof.findings import Report
from infra.log_proof.signing import PublicKeys

_AT_ONCE = 1000


@dataclass(frozen=True)
class Link:
    """A checkpoint that counts: the file's, or the database's own where the file has none.

    `is_held` when the database has it; `line` is the file's.
    """

    checkpoint: Checkpoint
    line: Line | None
    is_held: bool


class CheckpointChain:
    """Walks both, oldest first; what does not fit goes into the report. The database's beyond `through` are left for the next time."""

    def __init__(
        self,
        connection: Connection[Any],
        lines: list[Line],
        *,
        keys: PublicKeys,
        report: Report,
        through: int | None = None,
    ) -> None:
        self._connection = connection
        self._through = through
        self._lines = {line.no: line for line in lines}
        self._file_order = [line.no for line in lines]
        self._keys = keys
        self._report = report
        self._missing: list[Line] = []
        self.start: Checkpoint | None = None  # the one that the walk begins after
        self._restored: list[tuple[int, int]] = []  # checkpoints between the two were lost, and that is declared

    def walk(self, *, since: int = 0) -> Iterator[Link]:
        """Those after checkpoint `since`, which itself is taken as it is."""
        if self._file_order != sorted(set(self._file_order)):
            self._report.add("The checkpoint file is out of order or has a checkpoint twice.")
        before = self.start = self._start(since)
        for no, held in self._merged(since):
            line = self._lines.get(no)
            link = Link(line.checkpoint if line else held, line, held is not None)  # type: ignore[arg-type]  # one of the two is there
            self._compare(line, held)
            self._look_at(link, before)
            before = link.checkpoint
            yield link
        self._tell_missing()

    def _start(self, since: int) -> Checkpoint | None:
        if since == 0:
            return None
        if line := self._lines.get(since):
            return line.checkpoint
        found = ledger.checkpoints_after(self._connection, since - 1, limit=1)
        return found[0] if found and found[0].head.no == since else None

    def _merged(self, since: int) -> Iterator[tuple[int, Checkpoint | None]]:
        waiting = [no for no in sorted(self._lines) if no > since]
        place = 0
        for held in self._held_after(since):
            while place < len(waiting) and waiting[place] < held.head.no:
                yield waiting[place], None
                place += 1
            if place < len(waiting) and waiting[place] == held.head.no:
                place += 1
            yield held.head.no, held
        yield from ((no, None) for no in waiting[place:])

    def _held_after(self, no: int) -> Iterator[Checkpoint]:
        while page := ledger.checkpoints_after(self._connection, no, limit=_AT_ONCE):
            yield from (held for held in page if self._through is None or held.head.no <= self._through)
            no = page[-1].head.no

    def _compare(self, line: Line | None, held: Checkpoint | None) -> None:
        if line is None and held is not None:
            self._report.miss_anchor(held.head.no)
        elif line is not None and held is None:
            self._missing.append(line)
        elif line is not None and held is not None and line.checkpoint != held:
            self._report.add(f"Checkpoint {line.no} in the database is not the one in the file.", checkpoint_no=line.no)

    def _look_at(self, link: Link, before: Checkpoint | None) -> None:
        head, no = link.checkpoint.head, link.checkpoint.head.no
        where = "in the file" if link.line else "in the database"
        if not self._keys.knows(head.key_id):
            self._report.add(f"Checkpoint {no} {where} is signed by an unknown key {head.key_id}.", checkpoint_no=no)
        elif not is_signed(link.checkpoint, self._keys):
            self._report.add(
                f"Checkpoint {no} {where} was changed, or is forged: its signature does not fit.", checkpoint_no=no
            )
        if (
            head.previous_hash != (before.hash if before else NOTHING_BEFORE)
            or no != (before.head.no if before else 0) + 1
        ):
            self._report.add(f"Checkpoint {no} does not follow the one before it.", checkpoint_no=no)
        if link.line and batch_root(link.line) != head.batch_root:
            self._report.add(
                f"The batches that the file names for checkpoint {no} are not those it was signed for.",
                checkpoint_no=no,
            )
        if head.opening:
            opening = Opening.from_text(head.opening)
            self._restored.append((opening.restored_from, no))
            self._report.notes.append(f"Checkpoint {no} opens epoch {head.epoch}: {opening.reason}")

    def _tell_missing(self) -> None:
        lost = [line for line in self._missing if not self._is_declared(line.no)]
        if known := len(self._missing) - len(lost):
            self._report.notes.append(f"{known} checkpoints were lost in restores that were declared.")
        for line in lost:
            text = f"Checkpoint {line.no} is in the file and not in the database: its {line.checkpoint.head.row_count} sealed rows may be gone."
            self._report.add(text, checkpoint_no=line.no)
            for business, (batch_no, _) in line.batches.items():
                self._report.add(
                    f"Batch {batch_no} of business {business} was sealed with checkpoint {line.no}, which the database lost.",
                    checkpoint_no=line.no, business_id=business, batch_no=batch_no,
                )  # fmt: skip

    def _is_declared(self, no: int) -> bool:
        return any(restored_from < no < opened for restored_from, opened in self._restored)
