"""Whether a mirror is what its log says: each row is worked out anew from the newest log row of its object.

The log is proved by its seals; a mirror has none, and whoever may write as a superuser can change what people read without
touching the log. Not looked at are `rail_version`, `rail_updated_at` and `synced_at`: the log does not keep them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from sqlalchemy import Numeric
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from infra import exact_json
from infra.errors import MalformedJSON, UnknownRailValue, UnreadableRailObject
from infra.sync.shapes import MirrorRow, filled_columns
from infra.sync.spec import AnySpec

_ROWS_A_PAGE = 1000
_DIALECT = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialect factories untyped
_BEFORE_ALL = UUID(int=0)

_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_SET_BUSINESS = "SELECT set_config('app.business_ids', %s, true)"

# What an event said of an object, a payment asked for, leaves it deleted or not as it was.
_ROWS = """
SELECT m.id, m.external_id, m.version, m.payload::text, m.payload_hash, newest.version, newest.snapshot::text,
  m.deleted_at IS NOT DISTINCT FROM
    CASE WHEN change.transaction_type = 'deleted' THEN (change.changes #>> '{{deleted_at,1}}')::timestamptz END
FROM {mirror} AS m
LEFT JOIN LATERAL (
  SELECT version, snapshot FROM {mirror}_transaction_log WHERE business_id = m.business_id AND entity_id = m.id
  ORDER BY version DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
  SELECT transaction_type, changes FROM {mirror}_transaction_log
  WHERE business_id = m.business_id AND entity_id = m.id AND transaction_type IN ('created', 'updated', 'deleted', 'restored')
  ORDER BY version DESC LIMIT 1
) AS change ON true
WHERE m.business_id = %(business_id)s AND m.rail = %(rail)s AND {which}
ORDER BY m.id LIMIT %(limit)s
"""
_ALL = "m.id > %(after)s"
_BY_CHANCE = "m.id = ANY (%(ids)s)"
_CHANCE = "SELECT id FROM {mirror} WHERE business_id = %s AND rail = %s ORDER BY random() LIMIT %s"

# The database rounds what it stores; it compares as it stores.
_OWN = """
SELECT m.id{differ} FROM unnest(%(id)b::uuid[]{arrays}) AS page (id{names})
JOIN {mirror} AS m ON m.business_id = %(business_id)s AND m.id = page.id
"""

_GONE = """
SELECT entity_id FROM {mirror}_transaction_log AS l WHERE business_id = %s AND version = 1
  AND NOT EXISTS (SELECT FROM {mirror} AS m WHERE m.business_id = l.business_id AND m.id = l.entity_id)
"""


@dataclass(frozen=True)
class Difference:
    """`column` is None where the whole row is meant. No value is told."""

    business_id: UUID
    table: str
    entity_id: UUID
    column: str | None
    text: str


class _Held(NamedTuple):
    id: UUID
    external_id: str
    version: int
    payload: str
    payload_hash: bytes
    logged_version: int | None
    snapshot: str | None
    is_deleted_as_logged: bool


class _Computed:
    """What `fill` writes on."""


class MirrorCheck:
    """One mirror of one business, as the application's role, over a connection that is in no transaction.

    `rows` counts the mirror's rows that were looked at so far.
    """

    def __init__(self, connection: Connection[Any], spec: AnySpec, business_id: UUID) -> None:
        mirror: type[MirrorRow] = spec.mirror
        self._connection = connection
        self._spec = spec
        self._business_id = business_id
        self._table = mirror.__tablename__
        self._columns = _own_columns(mirror)
        self.rows = 0

    def whole(self) -> Iterator[Difference]:
        """Every row, and every object that the log knows and the mirror has lost."""
        after: UUID | None = _BEFORE_ALL
        while after is not None:
            with self._one_sight():
                page = self._read(_ALL, after=after)
                found = self._differing(page)
            yield from found
            after = page[-1].id if len(page) == _ROWS_A_PAGE else None
        with self._one_sight():
            gone = self._connection.execute(self._sql(_GONE), (self._business_id,)).fetchall()
        for (entity_id,) in gone:
            yield self._tell(entity_id, None, "is in the log and not in the mirror")

    def sample(self, size: int) -> list[Difference]:
        """`size` rows by chance, at most a thousand."""
        with self._one_sight():
            asked = (self._business_id, self._spec.rail.value, min(size, _ROWS_A_PAGE))
            ids = [one for (one,) in self._connection.execute(self._sql(_CHANCE), asked).fetchall()]
            return self._differing(self._read(_BY_CHANCE, ids=ids))

    @contextmanager
    def _one_sight(self) -> Iterator[None]:
        """A row and its log row are read by statements of one snapshot: a sync may be at work beside it."""
        with self._connection.transaction():
            self._connection.execute(_BEGIN)
            self._connection.execute(_SET_BUSINESS, (f"{{{self._business_id}}}",))
            yield

    def _read(self, which: str, **values: Any) -> list[_Held]:
        query = _ROWS.format(mirror=self._table, which=which)
        asked = {"business_id": self._business_id, "rail": self._spec.rail.value, "limit": _ROWS_A_PAGE, **values}
        rows = [_Held._make(row) for row in self._connection.execute(query, asked).fetchall()]
        self.rows += len(rows)
        return rows

    def _differing(self, page: Sequence[_Held]) -> list[Difference]:
        found = [difference for held in page for difference in self._shared(held)]
        computed: dict[UUID, dict[str, Any]] = {}
        for held in page:
            if held.snapshot is None:
                continue
            try:
                computed[held.id] = self._computed(held.snapshot, external_id=held.external_id)
            except (UnreadableRailObject, UnknownRailValue, MalformedJSON):
                found.append(self._tell(held.id, None, "has a log row that cannot be read"))
        return found + self._differing_own(computed)

    def _shared(self, held: _Held) -> Iterator[Difference]:
        if held.snapshot is None:
            yield self._tell(held.id, None, "is in the mirror and not in the log")
            return
        if held.version != held.logged_version:
            yield self._tell(held.id, "version", f"is {held.version}, and the newest of the log {held.logged_version}")
        if held.payload != held.snapshot:
            yield self._tell(held.id, "payload", "is not the log's newest snapshot")
        if not _is_hash_of(held.payload_hash, held.snapshot):
            yield self._tell(held.id, "payload_hash", "is not the hash of the log's newest snapshot")
        if not held.is_deleted_as_logged:
            yield self._tell(held.id, "deleted_at", "is not what the log says")

    def _computed(self, snapshot: str, *, external_id: str) -> dict[str, Any]:
        row = _Computed()
        self._spec.fill(row, self._spec.read(exact_json.loads(snapshot), external_id=external_id))
        return vars(row)

    def _differing_own(self, computed: dict[UUID, dict[str, Any]]) -> list[Difference]:
        if not computed or not self._columns:
            return []
        values: dict[str, Any] = {"id": list(computed), "business_id": self._business_id}
        for name, kind in self._columns.items():
            column = [row.get(name) for row in computed.values()]
            # An amount goes as its text, and is rounded as the column rounds.
            values[f"own_{name}"] = [None if v is None else str(v) for v in column] if kind.is_amount else column
        rows = self._connection.execute(self._own_query(), values, prepare=False).fetchall()
        return [
            self._tell(entity_id, name, "is not what the log's newest snapshot gives")
            for entity_id, *differ in rows
            for name, differs in zip(self._columns, differ, strict=True)
            if differs
        ]

    def _own_query(self) -> str:
        return _OWN.format(
            mirror=self._table,
            names="".join(f", {name}" for name in self._columns),
            arrays="".join(
                f", %(own_{name})b::{'text' if kind.is_amount else kind.sql}[]" for name, kind in self._columns.items()
            ),
            differ="".join(
                f", m.{name} IS DISTINCT FROM page.{name}::{kind.sql}" for name, kind in self._columns.items()
            ),
        )

    def _sql(self, statement: str) -> str:
        return statement.format(mirror=self._table)

    def _tell(self, entity_id: UUID, column: str | None, text: str) -> Difference:
        what = f"{self._table} {entity_id}" + (f", {column}:" if column else "")
        return Difference(
            self._business_id, self._table, entity_id, column, f"Business {self._business_id}: {what} {text}."
        )


class _Kind(NamedTuple):
    sql: str
    is_amount: bool


def _own_columns(mirror: type[MirrorRow]) -> dict[str, _Kind]:
    """Those that `fill` sets, with their types."""
    return {
        column.name: _Kind(column.type.compile(dialect=_DIALECT), isinstance(column.type, Numeric))
        for column in filled_columns(mirror)
    }


def _is_hash_of(digest: bytes, text: str) -> bool:
    """Rows from before the text was kept verbatim have the hash of the canonical form, not of the text."""
    if blake2b(text.encode(), digest_size=16).digest() == digest:
        return True
    try:
        canonical = exact_json.dumps(exact_json.loads(text))
    except MalformedJSON:
        return False
    return blake2b(canonical, digest_size=16).digest() == digest
