"""The second wall alone: every table with row-level security, read without a WHERE as the application's role."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

_PROTECTED = """
    SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relrowsecurity AND c.relnamespace = 'public'::regnamespace
    AND has_any_column_privilege(current_user, c.oid, 'SELECT')
    AND (c.relname = 'business' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_id'))
    ORDER BY 1
"""
_NEVER_EMPTY = frozenset({"bill", "bill_transaction_log", "vendor", "connection", "sync_state"})


class Probe:
    """`rows` counts what was seen, so that a probe that sees nothing does not pass for a wall."""

    def __init__(self, app: Connection[Any]) -> None:
        self._app = app
        self._tables = [name for (name,) in app.execute(_PROTECTED)]
        parts = [
            sql.SQL("SELECT {}, {}, count(*) FROM {} GROUP BY 2").format(
                sql.Literal(table),
                sql.Identifier("id" if table == "business" else "business_id"),
                sql.Identifier(table),
            )
            for table in self._tables
        ]
        self._query = sql.SQL(" UNION ALL ").join(parts).as_bytes(app)
        self.rows = 0

    def look(self, mine: Collection[UUID]) -> list[str]:
        """What is wrong: tables that show another's rows, and tables that show none of `mine`."""
        with self._app.transaction():
            if mine:
                given = "{" + ",".join(map(str, mine)) + "}"
                self._app.execute("SELECT set_config('app.business_ids', %s, true)", [given])
            seen = self._app.execute(self._query).fetchall()
        self.rows += sum(count for *_, count in seen)
        wrong = [f"{table} shows a row of {business}" for table, business, _ in seen if business not in mine]
        shown = {(table, business) for table, business, _ in seen}
        hidden = [f"{table} hides {one}" for table in sorted(_NEVER_EMPTY) for one in mine if (table, one) not in shown]
        return wrong + hidden
