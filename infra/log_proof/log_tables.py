"""Which tables are logs, found by their `tx_xid`, and the SQL that gives their rows in the form that is hashed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from infra.errors import OodalooError
from infra.log_proof.canonical import FORM, netstring
from infra.log_proof.merkle import LEAF

LOG_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C"),
  array_agg(a.atttypid::regtype::text ORDER BY a.attname::text COLLATE "C"),
  array_agg(a.attnotnull ORDER BY a.attname::text COLLATE "C")
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
GROUP BY c.oid, c.relname HAVING bool_or(a.attname = 'tx_xid') ORDER BY c.relname COLLATE "C"
"""

# Each type's text must be the same whoever asks.
FIXED_FORMS = (
    "-c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
)


class NotUTF8(OodalooError):
    """Lengths are counted in octets of UTF-8."""

    def __init__(self, encoding: str) -> None:
        super().__init__(f"The log can be sealed in a database of encoding UTF8 only; this one has {encoding}.")


@dataclass(frozen=True)
class LogTable:
    """A log's columns in ascending order of name, as (name, type, is never null)."""

    name: str
    columns: tuple[tuple[str, str, bool], ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.columns)

    def text_forms(self) -> sql.Composed:
        """A select list: the text of every column, in order."""
        return sql.SQL(", ").join(_text_form(name, kind) for name, kind, _ in self.columns)

    def leaf(self) -> sql.Composed:
        """The hash of a row, worked out by the database from the text forms, which are named as their columns."""
        parts: list[sql.Composable] = [sql.Literal((netstring(FORM) + netstring(self.name)).decode())]
        for name, _, is_never_null in self.columns:
            column = sql.Identifier(name)
            value = sql.SQL("concat({}, octet_length({}), ':', {}, ',')")
            part = value.format(sql.Literal(netstring(name).decode()), column, column)
            parts.append(
                part
                if is_never_null
                else sql.SQL("coalesce(CASE WHEN {} IS NOT NULL THEN {} END, '')").format(column, part)
            )
        text = sql.SQL(" || ").join(parts)
        return sql.SQL("sha256({}::bytea || convert_to({}, 'UTF8'))").format(sql.Literal(LEAF), text)

    def identifier(self) -> sql.Identifier:
        return sql.Identifier("public", self.name)


def read_log_tables(connection: Connection[Any]) -> tuple[LogTable, ...]:
    """Every log, in ascending order of name.

    Raises:
        NotUTF8: the database has another encoding.
    """
    encoding = _text(connection, "SELECT pg_catalog.getdatabaseencoding()::text")
    if encoding != "UTF8":
        raise NotUTF8(encoding)
    return log_tables_of(connection.execute(LOG_TABLES).fetchall())


def log_tables_of(rows: Iterable[Sequence[Any]]) -> tuple[LogTable, ...]:
    """From what `LOG_TABLES` finds."""
    return tuple(LogTable(name, tuple(zip(*columns, strict=True))) for name, *columns in rows)


def cluster_of(connection: Connection[Any]) -> str:
    """PostgreSQL's system identifier: another one after a dump was restored elsewhere, where transaction ids begin anew."""
    return _text(connection, "SELECT system_identifier::text FROM pg_catalog.pg_control_system()")


def _text_form(name: str, kind: str) -> sql.Composed:
    column = sql.Identifier(name)
    match kind:
        case "timestamp with time zone":
            form = "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint::text ELSE {0}::text END AS {0}"
        case "bytea":
            form = "encode({0}, 'hex') AS {0}"
        case _:
            form = "{0}::text AS {0}"
    return sql.SQL(form).format(column)


def _text(connection: Connection[Any], query: str) -> str:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without a table has a row
    return str(row[0])
