"""The one form of a log row, a batch and a checkpoint that is hashed. A form once used is never read otherwise: a new one gets a new number.

Everything is a netstring (`5:hello,`: octets, colon, UTF-8 text, comma), so that no two different rows have the same bytes.
A row is: the form's number, the table's name, then each column that is not null as its name and its text, in the order of names.
So a table may gain columns that old rows have as null, and no old hash changes.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

FORM = "1"
NO_BUSINESS = UUID(int=0)  # whose batches hold the rows that belong to no business
NOTHING_BEFORE = bytes(32)
_BATCH = b"\x02"
_CHECKPOINT = b"\x03"


def netstring(text: str) -> bytes:
    octets = text.encode()
    return b"%d:%b," % (len(octets), octets)


def netstrings(texts: Iterable[str]) -> bytes:
    return b"".join(map(netstring, texts))


def canonical_row(table: str, columns: Iterable[tuple[str, str | None]]) -> bytes:
    """`columns` by name in ascending order, each with the text that `text_form` describes."""
    parts = [FORM, table]
    for name, text in columns:
        if text is not None:
            parts += (name, text)
    return netstrings(parts)


class BatchHead(NamedTuple):
    """What a batch's hash commits to. `xid_from` ≤ transaction id < `xid_before`; both 0 where an epoch's opening adopts rows."""

    business_id: UUID
    batch_no: int
    checkpoint_no: int
    epoch: int
    xid_from: int
    xid_before: int
    row_count: int
    root: bytes
    previous_hash: bytes

    def digest(self) -> bytes:
        texts = (
            FORM, str(self.business_id), str(self.batch_no), str(self.checkpoint_no), str(self.epoch), str(self.xid_from),
            str(self.xid_before), str(self.row_count), self.root.hex(), self.previous_hash.hex(),
        )  # fmt: skip
        return sha256(_BATCH + netstrings(texts)).digest()


class CheckpointHead(NamedTuple):
    """What a checkpoint's hash commits to, and its signature signs.

    `cluster` is PostgreSQL's system identifier; `sealed_at` counts microseconds since 1970 in UTC; `batch_root` is over the
    hashes of the batches sealed with it, by business. `opening` is empty, or the JSON text that opens an epoch.
    """

    no: int
    epoch: int
    cluster: str
    xid_before: int
    sealed_at: int
    batch_count: int
    row_count: int
    batch_root: bytes
    opening: str
    previous_hash: bytes
    key_id: str

    def digest(self) -> bytes:
        texts = (
            FORM, str(self.no), str(self.epoch), self.cluster, str(self.xid_before), str(self.sealed_at), str(self.batch_count),
            str(self.row_count), self.batch_root.hex(), self.opening, self.previous_hash.hex(), self.key_id,
        )  # fmt: skip
        return sha256(_CHECKPOINT + netstrings(texts)).digest()
