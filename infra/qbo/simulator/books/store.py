"""One entity's objects, held so that the shapes a sync asks for need neither scan nor sort.

Each object is encoded once and the bytes kept until it changes; a list ordered by LastUpdatedTime serves keyset queries and CDC.
"""

from bisect import bisect_left, insort
from copy import deepcopy
from typing import Any, Final, NamedTuple

from infra import exact_json
from infra.qbo.simulator.books.entities import EntityKind
from infra.qbo.simulator.timestamps import show_instant

_REMEMBERED_SECONDS: Final = 30 * 86_400

Body = dict[str, Any]
Version = tuple[str, bool, str | None]
"""What tells one commit of an object from the next: SyncToken, whether it is voided, when it was last e-mailed."""


class Record:
    """An object in the books. Whoever changes its body does so through `own()`, and calls `forget_encoding`."""

    __slots__ = ("_changed", "_encoded", "_is_shared", "body", "created", "id", "known", "number", "updated")

    def __init__(self, body: Body, *, created: int) -> None:
        self.id: str = body["Id"]
        self.number = int(self.id)
        self.body = body
        self.created = created
        self.updated = created
        self.known: Version | None = None
        self._changed: dict[Record, None] | None = None
        self._encoded: bytes | None = None
        self._is_shared = False
        self._stamp()

    def share(self) -> None:
        """Parts of the body stand in others' too: it is copied before it changes."""
        self._is_shared = True

    def twin(self) -> "Record":
        """The same object in a copy of its company: one body and one encoding serve both until either changes."""
        self.share()
        if self.known is None:
            self.known = version_of(self.body)
        twin = object.__new__(Record)
        twin.id, twin.number, twin.body, twin.created, twin.updated = (
            self.id, self.number, self.body, self.created, self.updated,
        )  # fmt: skip
        twin.known, twin._changed, twin._encoded, twin._is_shared = self.known, None, self.encoded(), True
        return twin

    def own(self) -> Body:
        """The body, to be changed in place."""
        if self._is_shared:
            self.body = deepcopy(self.body)
            self._is_shared = False
        return self.body

    def watch(self, changed: "dict[Record, None] | None") -> None:
        """From now on each change of the body puts the record into `changed`."""
        self._changed = changed

    def _stamp(self) -> None:
        self.own()["MetaData"] = {
            "CreateTime": show_instant(self.created),
            "LastUpdatedTime": show_instant(self.updated),
        }

    @property
    def is_active(self) -> bool:
        return self.body.get("Active") is not False

    @property
    def is_encoded(self) -> bool:
        return self._encoded is not None

    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = exact_json.dumps(self.body)
        return self._encoded

    def forget_encoding(self) -> None:
        self._encoded = None
        if self._changed is not None:
            self._changed[self] = None

    def bump_sync_token(self) -> None:
        body = self.own()
        body["SyncToken"] = str(int(body["SyncToken"]) + 1)
        self.forget_encoding()

    def replace_body(self, body: Body) -> None:
        self.body, self._is_shared = body, False
        self._stamp()
        self.forget_encoding()

    def set_updated(self, at: int) -> None:
        """For the store alone: it must reorder its index in the same breath."""
        self.updated = at
        self._stamp()
        self.forget_encoding()


def version_of(body: Body) -> Version:
    voided = str(body.get("PrivateNote", "")).startswith("Voided") and not body.get("TotalAmt", 1)
    mailed = (body.get("DeliveryInfo") or {}).get("DeliveryTime") if body.get("EmailStatus") == "EmailSent" else None
    return str(body["SyncToken"]), voided, mailed


class Tombstone(NamedTuple):
    deleted: int
    number: int
    id: str


class EntityStore:
    """`at` is always epoch seconds. After `begin_bulk` the order is made on the next read, once for all changes."""

    def __init__(self, kind: EntityKind) -> None:
        self.kind = kind
        self.records: dict[str, Record] = {}
        self.tombstones: list[Tombstone] = []
        self.changed: dict[Record, None] | None = None
        self.removed: list[tuple[Record, Tombstone]] = []
        self._by_time: list[tuple[int, int, Record]] | None = None
        self._by_number: list[tuple[int, Record]] | None = None

    def begin_bulk(self) -> None:
        self._by_time = None
        self._by_number = None

    def end_bulk(self) -> None:
        """Make both orders now, so that the first reader does not wait for them."""
        self.by_number()
        self._time_order()

    def watch(self) -> None:
        """Collect what changes from now on in `changed` and `removed`, for the journal to take."""
        self.changed = {}
        for record in self.records.values():
            if record.known is None:
                record.known = version_of(record.body)
            record.watch(self.changed)

    def copy_from(self, other: "EntityStore") -> None:
        """For a store without anything yet. Its orders are made by the first who reads."""
        self.begin_bulk()
        self.records = {identifier: record.twin() for identifier, record in other.records.items()}
        self.tombstones = list(other.tombstones)

    def add(self, record: Record) -> None:
        self.records[record.id] = record
        if self.changed is not None:
            record.watch(self.changed)
            self.changed[record] = None
        if self._by_time is not None:
            insort(self._by_time, (record.updated, record.number, record))
        if self._by_number is not None:
            insort(self._by_number, (record.number, record))

    def move(self, record: Record, at: int) -> None:
        """Set LastUpdatedTime. It never goes back: an edit in the same second leaves it where it is."""
        at = max(at, record.updated)
        if self._by_time is not None:
            del self._by_time[bisect_left(self._by_time, (record.updated, record.number))]
            insort(self._by_time, (at, record.number, record))
        record.set_updated(at)

    def remove(self, record: Record, at: int) -> None:
        del self.records[record.id]
        self._forget_old_tombstones(at)
        self.tombstones.append(Tombstone(at, record.number, record.id))
        if self.changed is not None:
            record.watch(None)
            self.changed.pop(record, None)
            self.removed.append((record, self.tombstones[-1]))
        if self._by_time is not None:
            del self._by_time[bisect_left(self._by_time, (record.updated, record.number))]
        if self._by_number is not None:
            del self._by_number[bisect_left(self._by_number, (record.number,))]

    def _forget_old_tombstones(self, at: int) -> None:
        """Nobody can ask for them any more: CDC looks 30 days back. The oldest stands first."""
        count = next(
            (nth for nth, tombstone in enumerate(self.tombstones) if tombstone.deleted >= at - _REMEMBERED_SECONDS),
            len(self.tombstones),
        )
        if count:
            del self.tombstones[:count]

    def was_deleted(self, identifier: str) -> bool:
        return any(tombstone.id == identifier for tombstone in self.tombstones)

    def between(self, earliest: float | None, latest: float | None) -> tuple[list[tuple[int, int, Record]], int, int]:
        """The order by (LastUpdatedTime, Id) and the bounds in it of `earliest <= updated <= latest`. No copy."""
        order = self._time_order()
        low = 0 if earliest is None else bisect_left(order, (earliest,))
        high = len(order) if latest is None else bisect_left(order, (latest, float("inf")))
        return order, low, max(low, high)

    def by_number(self) -> list[tuple[int, Record]]:
        if self._by_number is None:
            self._by_number = sorted((record.number, record) for record in self.records.values())
        return self._by_number

    def _time_order(self) -> list[tuple[int, int, Record]]:
        if self._by_time is None:
            self._by_time = sorted((record.updated, record.number, record) for record in self.records.values())
        return self._by_time
