"""Words that stand in one place's books and nowhere else in the world, and how they are found in an answer."""

import re
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from infra.ids import new_id

_WORD = re.compile(rb"cy[0-9a-f]{16}yc")
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CURSOR = re.compile(rb"W[A-Za-z0-9_-]{23,}")  # a list in base64


@dataclass
class Canaries:
    """Whose each word and each row's id is. A person's word belongs to every business that they ever could enter."""

    owners: defaultdict[bytes, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    rows: defaultdict[bytes, set[UUID]] = field(default_factory=lambda: defaultdict(set))

    def new(self, *owners: UUID) -> str:
        word = f"cy{new_id().hex[-16:]}yc"
        self.owners[word.encode()].update(owners)
        return word

    def add_row(self, row: UUID, *owners: UUID) -> None:
        self.rows[str(row).encode()].update(owners)

    def strangers(self, answer: bytes, *, allowed: Collection[UUID], said: bytes) -> list[bytes]:
        """Words in `answer` of none of the `allowed` businesses, but for those that the request itself said."""
        return sorted(
            word
            for text in _readings(answer)
            for word in set(_WORD.findall(text))
            if word not in said and self.owners.get(word, set()).isdisjoint(allowed)
        )

    def strange_rows(self, answer: bytes, *, allowed: Collection[UUID], said: bytes) -> list[bytes]:
        """The same for ids of rows."""
        return sorted(
            row
            for row in set(_ID.findall(answer))
            if row in self.rows and row not in said and self.rows[row].isdisjoint(allowed)
        )


def said_in(parts: bytes) -> bytes:
    """What a request says, in every reading: its cursors hold names."""
    return b"\n".join(_readings(parts))


def _readings(text: bytes) -> Iterator[bytes]:
    yield text
    for piece in set(_CURSOR.findall(text)):
        if len(piece) % 4 != 1:
            yield urlsafe_b64decode(piece + b"=" * (-len(piece) % 4))
