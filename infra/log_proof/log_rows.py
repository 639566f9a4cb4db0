"""Reading log rows across tables: as leaves for the sealer, as texts for those who check."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from infra.log_proof.canonical import NO_BUSINESS, canonical_row
from infra.log_proof.epochs import IdRange
from infra.log_proof.log_tables import LogTable
from infra.log_proof.merkle import leaf_hash

_FROM = sql.SQL("tx_xid >= {}::text::xid8 AND id >= {} AND id <= {}")
_BEFORE = sql.SQL(" AND tx_xid < {}::text::xid8")


class SealedRow(NamedTuple):
    """What the sealer needs of a row, in the order that a batch has."""

    xid: int
    table: str
    row_id: int
    business: bytes
    leaf: bytes


@dataclass(frozen=True)
class FoundRow:
    """A row as it is now."""

    table: str
    columns: Mapping[str, str | None]

    @property
    def business_id(self) -> UUID:
        business = self.columns["business_id"]
        return NO_BUSINESS if business is None else UUID(business)

    @property
    def row_id(self) -> int:
        return int(self.columns["id"] or 0)

    @property
    def xid(self) -> int:
        return int(self.columns["tx_xid"] or 0)

    def leaf(self) -> bytes:
        """Worked out here, from the fetched texts: the database's word is not taken for it."""
        return leaf_hash(canonical_row(self.table, self.columns.items()))

    def __str__(self) -> str:
        named = [f"{name} {self.columns[name]}" for name in ("entity_id", "version", "event") if self.columns.get(name)]
        return f"{self.table} row {self.row_id}" + (f" ({', '.join(named)})" if named else "")


@dataclass(frozen=True)
class XidRange:
    """Transaction ids from the first up to, not including, the second; without a second, all from the first on."""

    start: int
    before: int | None = None

    def limits(self, table: LogTable, ids: IdRange) -> sql.Composed:
        first, last = ids.of(table.name)
        from_start = _FROM.format(sql.Literal(str(self.start)), sql.Literal(first), sql.Literal(last))
        return from_start if self.before is None else from_start + _BEFORE.format(sql.Literal(str(self.before)))


def tables_with_rows(
    connection: Connection[Any], tables: Sequence[LogTable], xids: XidRange, *, ids: IdRange
) -> list[LogTable]:
    """Those that have any, found by one look into each one's index."""
    probe = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {} WHERE {})")
    probes = [
        probe.format(sql.Literal(place), table.identifier(), xids.limits(table, ids))
        for place, table in enumerate(tables)
    ]
    return [tables[place] for (place,) in connection.execute(sql.SQL(" UNION ALL ").join(probes)).fetchall()]


def watermark_for(
    connection: Connection[Any], tables: Sequence[LogTable], start: int, *, before: int, ids: IdRange, limit: int
) -> int:
    """The highest watermark above `start`, up to `before`, below which no log has more than `limit` rows; at least one transaction is below it."""
    found, xids = before, XidRange(start, before)
    for table in tables:
        query = sql.SQL("SELECT tx_xid::text::bigint FROM {} WHERE {} ORDER BY tx_xid OFFSET {} LIMIT 1")
        row = connection.execute(query.format(table.identifier(), xids.limits(table, ids), limit)).fetchone()
        if row is not None:
            first = connection.execute(query.format(table.identifier(), xids.limits(table, ids), 0)).fetchone()
            found = min(found, max(row[0], first[0] + 1 if first else 0))
    return found


def rows_to_seal(connection: Connection[Any], table: LogTable, where: sql.Composable) -> list[SealedRow]:
    """The database works the leaves out: 32 bytes a row cross the wire."""
    query = sql.SQL(
        "SELECT tx_xid::bigint, id::bigint, uuid_send(coalesce(business_id::uuid, {nobody})), {leaf} "
        "FROM (SELECT {forms} FROM {table} WHERE {where} OFFSET 0) AS texts"
    ).format(
        nobody=sql.Literal(NO_BUSINESS), leaf=table.leaf(), forms=table.text_forms(),
        table=table.identifier(), where=where,
    )  # fmt: skip
    cursor = connection.execute(query, binary=True)
    return [SealedRow(xid, table.name, row_id, business, leaf) for xid, row_id, business, leaf in cursor.fetchall()]


def rows_as_texts(
    connection: Connection[Any], table: LogTable, where: sql.Composable, *, business_id: UUID | None = None
) -> Iterator[FoundRow]:
    """Every column's text, as `canonical_row` takes it."""
    mine: sql.Composable = sql.SQL("")
    if business_id == NO_BUSINESS:
        mine = sql.SQL(" AND business_id IS NULL")
    elif business_id is not None:
        mine = sql.SQL(" AND business_id = {}").format(sql.Literal(business_id))
    query = sql.SQL("SELECT {} FROM {} WHERE {}{}").format(table.text_forms(), table.identifier(), where, mine)
    names = table.column_names
    for row in connection.execute(query):
        yield FoundRow(table.name, dict(zip(names, row, strict=True)))


def with_ids(row_ids: Sequence[int]) -> sql.Composed:
    return sql.SQL("id = ANY ({})").format(sql.Literal(list(row_ids)))
